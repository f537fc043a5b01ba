//! How versions are named: by digest or by label; and what becomes of labels and of the versions that were active before.

use abide_history::{Version, VersionsChange};
use abide_model::{Error, ErrorCode, Label, WorkflowName};

use crate::errors;

/// Gives labels to a version, which the others of its workflow lose.
pub(super) fn label(
    change: &mut VersionsChange,
    versions: &[Version],
    version: &mut Version,
    labels: &[Label],
) -> Result<(), Error> {
    for label in labels {
        version.labels.add(label.clone())?;
    }
    for other in versions.iter().filter(|other| other.version != version.version) {
        let mut other = other.clone();
        let mut lost = false;
        labels.iter().for_each(|label| lost |= other.labels.remove(label));
        if lost {
            change.put.push(other);
        }
    }
    Ok(())
}

pub(super) fn roll_back(change: &mut VersionsChange, versions: &[Version]) -> Result<(), Error> {
    while let Some(version) = change.routing.roll_back() {
        let there = versions.iter().find(|known| known.version == version);
        if there.is_some_and(|known| known.deactivated_ms.is_none()) {
            return Ok(());
        }
    }
    let message = "no version was active before this one: `abide workflows` shows those that can be activated";
    Err(Error::new(ErrorCode::Conflict, message))
}

/// The same as [`find`], of versions that new runs may take.
pub(super) fn usable<'v>(workflow: &WorkflowName, versions: &'v [Version], text: &str) -> Result<&'v Version, Error> {
    let found = find(workflow, versions, text)?;
    if found.deactivated_ms.is_some() {
        let message = format!(
            "the version {} of `{workflow}` was deactivated: `abide versions reactivate` undoes that",
            found.version.short()
        );
        return Err(Error::new(ErrorCode::Conflict, message));
    }
    Ok(found)
}

/// A version by its digest, by 8 or more of its first digits, or by a label.
pub(super) fn find<'v>(workflow: &WorkflowName, versions: &'v [Version], text: &str) -> Result<&'v Version, Error> {
    if versions.is_empty() {
        return Err(errors::no_workflow(workflow));
    }
    if let Some(labelled) = versions.iter().find(|known| known.labels.has(text)) {
        return Ok(labelled);
    }
    let digits = text.strip_prefix("sha256:").unwrap_or(text).to_ascii_lowercase();
    let is_digest = (8..=64).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_digest && Label::parse(text).is_err() {
        return Err(errors::bad_version(text));
    }
    let mut fitting = versions.iter().filter(|known| is_digest && known.version.hex().starts_with(&digits));
    match (fitting.next(), fitting.next()) {
        (Some(only), None) => Ok(only),
        (Some(_), Some(_)) => Err(Error::new(
            ErrorCode::InvalidArgument,
            format!("`{digits}` fits more than one version of `{workflow}`: give more digits"),
        )),
        (None, _) => Err(Error::new(
            ErrorCode::VersionNotFound,
            format!("`{workflow}` has no version `{digits}`: `abide workflows` shows its versions and their labels"),
        )),
    }
}
