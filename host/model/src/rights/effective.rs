//! What a run may do: what its tenant was granted, as far as its version asked for it.

use std::sync::Arc;

use super::Right;
use crate::{Failure, Grants, Json, Manifest, Tenant};

/// The rights of a run, or of a tenant where no version is concerned.
#[derive(Debug, Clone, PartialEq)]
pub struct Rights {
    tenant: Tenant,
    granted: Granted,
    asked: Option<Arc<Manifest>>,
}

#[derive(Debug, Clone, PartialEq)]
enum Granted {
    /// All that the host has: of the tenant `default` as long as nobody said what it is granted.
    Everything,
    These(Arc<Grants>),
}

impl Default for Rights {
    fn default() -> Self {
        Self { tenant: Tenant::default(), granted: Granted::Everything, asked: None }
    }
}

impl Rights {
    /// The rights of a version with the manifest `asked`; one without a manifest asks for all that its tenant has.
    pub fn of(tenant: &Tenant, granted: Option<Arc<Grants>>, asked: Option<Arc<Manifest>>) -> Self {
        let granted = match granted {
            Some(grants) => Granted::These(grants),
            None if *tenant == Tenant::default() => Granted::Everything,
            None => Granted::These(Arc::default()),
        };
        Self { tenant: tenant.clone(), granted, asked }
    }

    /// The tenant's own, whatever a version asked for.
    #[must_use]
    pub fn of_tenant(&self) -> Self {
        Self { asked: None, ..self.clone() }
    }

    /// The same, for what asks for so much.
    #[must_use]
    pub fn asking(&self, manifest: Option<Manifest>) -> Self {
        Self { asked: manifest.map(Arc::new), ..self.clone() }
    }

    /// Whether nothing is forbidden.
    pub fn is_everything(&self) -> bool {
        matches!(self.granted, Granted::Everything) && self.asked.is_none()
    }

    /// Allows what needs one of `needed`, which are spellings of the same and not none, and gives the grant by which it is allowed; `None` where
    /// none had to be given. A refusal names what is missing, and how to give it.
    pub fn check(&self, needed: &[Right]) -> Result<Option<Right>, Failure> {
        let covers =
            |rights: &[Right]| rights.iter().find(|right| needed.iter().any(|need| right.covers(need))).cloned();
        let grant = match &self.granted {
            Granted::Everything => None,
            Granted::These(grants) => Some(covers(&grants.allow).ok_or_else(|| self.not_granted(needed))?),
        };
        match &self.asked {
            Some(manifest) if covers(&manifest.asks).is_none() => Err(not_asked(needed)),
            _ => Ok(grant),
        }
    }

    /// Whether some of what `right` stands for may be allowed.
    pub fn touch(&self, right: &Right) -> bool {
        let touch = |rights: &[Right]| rights.iter().any(|mine| mine.touches(right));
        let granted = match &self.granted {
            Granted::Everything => true,
            Granted::These(grants) => touch(&grants.allow),
        };
        granted && self.asked.as_ref().is_none_or(|manifest| touch(&manifest.asks))
    }

    /// Whether there is any right whose text begins with one of `families`.
    pub fn has_any(&self, families: &[&str]) -> bool {
        let has = |rights: &[Right]| {
            rights.iter().any(|right| *right == Right::Everything || families.contains(&right.family()))
        };
        match &self.granted {
            Granted::Everything => true,
            Granted::These(grants) => has(&grants.allow),
        }
    }

    /// The command that gives a right to the tenant.
    pub fn command(&self, right: &str) -> String {
        format!("abide grants add --tenant {} '{right}'", self.tenant)
    }

    fn not_granted(&self, needed: &[Right]) -> Failure {
        let Some(first) = needed.first() else { return Failure::new("denied", "nothing allows this") };
        let tenant = &self.tenant;
        let (shown, grant) = (first.shown(), first.nearest_grant());
        let how = match &grant {
            Some(grant) => format!("the host's admin grants it with `{}`", self.command(grant)),
            None => "no grant can name it: ask for it by its plain name".to_owned(),
        };
        denied(format!("tenant `{tenant}` has no grant for `{shown}`: {how}"), "grant", grant)
    }
}

fn not_asked(needed: &[Right]) -> Failure {
    let Some(first) = needed.first() else { return Failure::new("denied", "nothing allows this") };
    let grant = first.nearest_grant();
    let message = format!(
        "the manifest of the version does not ask for `{}`: add it to `asks`, and deploy the version again with `abide deploy \
         --manifest FILE`",
        first.shown()
    );
    denied(message, "manifest", grant)
}

/// Trying again does not help, until somebody grants it.
fn denied(message: String, missing: &str, grant: Option<String>) -> Failure {
    let mut failure = Failure::new(Failure::DENIED, message);
    failure.details = Some(Json::from(&serde_json::json!({ "missing": missing, "right": grant })));
    failure
}
