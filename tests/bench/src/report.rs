//! The figures: one table for people, one JSON object for programs.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};

/// What was measured, in order.
#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<Row>,
}

struct Row {
    key: String,
    what: String,
    value: f64,
    aim: Option<Aim>,
}

/// What a figure should be.
#[derive(Clone, Copy)]
pub(crate) enum Aim {
    AtLeast(f64),
    Under(f64),
}

impl Report {
    /// Takes down a figure.
    pub(crate) fn add(&mut self, key: &'static str, what: impl Into<String>, value: f64) {
        self.add_named(key.to_owned(), what.into(), value);
    }

    /// Takes down a figure of one of several subjects.
    pub(crate) fn add_named(&mut self, key: String, what: String, value: f64) {
        self.rows.push(Row { key, what, value, aim: None });
    }

    /// Takes down a figure that has an aim.
    pub(crate) fn add_with_aim(&mut self, key: &'static str, what: impl Into<String>, value: f64, aim: Aim) {
        self.rows.push(Row { key: key.to_owned(), what: what.into(), value, aim: Some(aim) });
    }

    pub(crate) fn print(&self) {
        let width = self.rows.iter().map(|row| row.what.len()).max().unwrap_or_default();
        println!();
        println!("{:width$}  {:>12}  {:16}  key in bench.json", "what", "figure", "aim");
        for Row { key, what, value, aim } in &self.rows {
            let aim = match aim {
                Some(Aim::AtLeast(least)) => format!("≥ {least}{}", verdict(value >= least)),
                Some(Aim::Under(most)) => format!("< {most}{}", verdict(value < most)),
                None => String::new(),
            };
            println!("{what:width$}  {:>12}  {aim:16}  {key}", number(*value));
        }
    }

    /// Writes the figures as one JSON object.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let figures: Map<String, Value> = self.rows.iter().map(|row| (row.key.clone(), json!(row.value))).collect();
        let text = serde_json::to_string_pretty(&figures)? + "\n";
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
    }
}

fn verdict(met: bool) -> &'static str {
    if met { ", met" } else { ", missed" }
}

fn number(value: f64) -> String {
    match value.abs() {
        small if small < 10.0 => format!("{value:.2}"),
        middle if middle < 1000.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// The middle one of some figures.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    percentile(&mut values, 50)
}

/// The figure below which `percent` of them are.
pub(crate) fn percentile(values: &mut [f64], percent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    let place = values.len().saturating_sub(1) * percent / 100;
    values.get(place).copied().unwrap_or(f64::NAN)
}
