//! x
#[test]
fn builds() {
    let c = abide_javascript::build("/tmp/jst/a.js".as_ref()).unwrap_or_else(|e| panic!("{e}"));
    std::fs::write("/tmp/jst/a.wasm", &c).unwrap();
    let d = abide_javascript::build("/tmp/jst/a.js".as_ref()).unwrap_or_else(|e| panic!("{e}"));
    assert!(c == d);
}
