//! A mutator without guidance: bytes are changed, cut, repeated and spliced. The same seed gives the same inputs.

/// Inputs do not grow past this.
const MAX_BYTES: usize = 64 << 10;
/// Numbers at which code likes to err.
const NUMBERS: [u64; 12] =
    [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0xffff_ffff, 1 << 40, i64::MAX as u64, u64::MAX];

/// Numbers that look like chance: SplitMix64.
#[derive(Debug, Clone)]
pub struct Random(pub u64);

impl Random {
    /// The next one.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// One below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.number() % end as u64) as usize
    }

    /// A range of some bytes of `length`, mostly a short one.
    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.below(length + 1);
        let longest = if self.below(4) == 0 { length - start } else { (length - start).min(16) };
        start..start + self.below(longest + 1)
    }
}

/// Changes an input a few times. `others` are inputs to splice with.
pub fn mutate(random: &mut Random, input: &mut Vec<u8>, others: &[&[u8]], words: &[&[u8]]) {
    for _ in 0..1 + random.below(4) {
        once(random, input, others, words);
    }
    input.truncate(MAX_BYTES);
}

fn once(random: &mut Random, input: &mut Vec<u8>, others: &[&[u8]], words: &[&[u8]]) {
    let range = random.range(input.len());
    match random.below(9) {
        0 if !input.is_empty() => {
            let at = random.below(input.len());
            input[at] ^= 1 << random.below(8);
        }
        1 if !input.is_empty() => {
            let at = random.below(input.len());
            input[at] = random.number() as u8;
        }
        2 => drop(input.drain(range)),
        3 => {
            let bytes: Vec<u8> = (0..1 + random.below(8)).map(|_| random.number() as u8).collect();
            drop(input.splice(range.start..range.start, bytes));
        }
        4 => {
            let copy = input[range.clone()].to_vec();
            let at = random.below(input.len() + 1);
            drop(input.splice(at..at, copy));
        }
        5 => {
            let number = NUMBERS[random.below(NUMBERS.len())];
            let width = [1, 2, 4, 8][random.below(4)];
            let bytes = match random.below(2) {
                0 => number.to_le_bytes()[..width].to_vec(),
                _ => number.to_be_bytes()[8 - width..].to_vec(),
            };
            let end = (range.start + width).min(input.len());
            drop(input.splice(range.start..end, bytes));
        }
        6 if !words.is_empty() => {
            let word = words[random.below(words.len())];
            drop(input.splice(range, word.iter().copied()));
        }
        7 if !others.is_empty() => {
            let other = others[random.below(others.len())];
            let part = random.range(other.len());
            drop(input.splice(range, other[part].iter().copied()));
        }
        8 if !others.is_empty() => {
            // The beginning of one and the end of another.
            let other = others[random.below(others.len())];
            input.truncate(range.start);
            input.extend_from_slice(&other[random.below(other.len() + 1)..]);
        }
        _ => input.extend(std::iter::repeat_n(random.number() as u8, random.below(32))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_inputs() {
        let inputs = |seed| {
            let mut random = Random(seed);
            let mut input = b"status = 'running'".to_vec();
            let made = (0..1000).map(|_| {
                mutate(&mut random, &mut input, &[b"workflow in ('a')", b""], &[b"and"]);
                input.clone()
            });
            made.collect::<Vec<_>>()
        };
        assert_eq!(inputs(7), inputs(7));
        assert_ne!(inputs(7), inputs(8));
    }
}
