//! Functions that `#[abide::workflow]` refuses, each compiled by the documentation tests to see that it is. What the errors say is tested in
//! `abide-sdk-macros`.

/// ```compile_fail
/// #[abide::workflow]
/// fn run(input: String) -> Result<String, abide::Failure> { Ok(input) }
/// ```
fn not_async() {}

/// ```compile_fail
/// #[abide::workflow]
/// async fn run(a: String, b: String) -> Result<String, abide::Failure> { Ok(a + &b) }
/// ```
fn two_inputs() {}

/// ```compile_fail,E0277
/// #[abide::workflow]
/// async fn run(input: String) -> String { input }
/// ```
fn no_result() {}

/// ```compile_fail,E0277
/// struct Input;
/// #[abide::workflow]
/// async fn run(input: Input) -> Result<(), abide::Failure> { Ok(()) }
/// ```
fn input_without_deserialize() {}

/// ```compile_fail,E0277
/// struct Output;
/// #[abide::workflow]
/// async fn run() -> Result<Output, abide::Failure> { Ok(Output) }
/// ```
fn output_without_serialize() {}

/// ```
/// #[abide::workflow(cancellation = "automatic")]
/// async fn run(input: u64) -> Result<u64, String> { if input > 0 { Ok(input) } else { Err("nothing".into()) } }
/// ```
fn the_rest_of_these_would_compile() {}
