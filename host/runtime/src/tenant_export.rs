//! All of a tenant in one stream of lines, each a JSON object with one field that says what it is. Runs are capsules, so that each can be imported by
//! itself. Secrets are there by name only.

use abide_history::RunFilter;
use abide_model::{Error, Run, RunId, RunRef, ScheduleId, SettingKind, Tenant};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::Host;

/// The form of the lines.
const FORMAT: u32 = 1;
/// Lines that nobody has taken yet.
const WAITING: usize = 1;
/// Rows that are read at a time.
const PAGE: usize = 100;

/// A line, or why there are no more.
pub type ExportLine = Result<Bytes, Error>;

impl Host {
    /// All of a tenant, line by line; the last one is `end`, so that what is cut short can be told. Runs that begin meanwhile are not in it.
    pub fn export_tenant(&self, tenant: &Tenant) -> Result<mpsc::Receiver<ExportLine>, Error> {
        self.check_tenant(tenant)?;
        let (lines, taken) = mpsc::channel(WAITING);
        let (host, tenant) = (self.clone(), tenant.clone());
        self.inner.tasks.spawn(async move {
            let end = host.inner.end_of(&tenant);
            let export = Export { host: &host, tenant: &tenant, lines: &lines };
            let written = tokio::select! {
                written = export.write() => written,
                () = end.cancelled() => Err(Gone::Failed(crate::inner::stopping())),
            };
            if let Err(Gone::Failed(error)) = written {
                drop(lines.send(Err(error)).await);
            }
        });
        Ok(taken)
    }
}

/// Why an export ends early.
enum Gone {
    Failed(Error),
    /// Nobody takes its lines any more.
    Left,
}

impl<E: Into<Error>> From<E> for Gone {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

struct Export<'e> {
    host: &'e Host,
    tenant: &'e Tenant,
    lines: &'e mpsc::Sender<ExportLine>,
}

impl Export<'_> {
    async fn line(&self, what: &str, value: Value) -> Result<(), Gone> {
        let mut line = json!({ what: value }).to_string();
        line.push('\n');
        self.lines.send(Ok(line.into())).await.map_err(|_| Gone::Left)
    }

    async fn write(&self) -> Result<(), Gone> {
        let Self { host, tenant, .. } = self;
        let now_ms = host.inner.clock.now_ms();
        self.line("tenant", json!({"format": FORMAT, "name": tenant, "exported_ms": now_ms})).await?;
        for kind in SettingKind::ALL {
            if let Ok(setting) = host.setting(tenant, kind).await {
                self.line("setting", to_value(&setting)?).await?;
            }
        }
        for secret in host.secrets(tenant)?.secrets {
            self.line("secret", to_value(&secret)?).await?;
        }
        self.versions().await?;
        self.tools().await?;
        self.schedules().await?;
        let (runs, failed) = self.runs().await?;
        self.line("end", json!({"runs": runs, "failed": failed})).await
    }

    async fn versions(&self) -> Result<(), Gone> {
        let Self { host, tenant, .. } = self;
        for version in host.store().versions(tenant, None).await? {
            let routing = host.store().routing(tenant, &version.workflow).await?;
            let component = host.store().component(tenant, version.version).await?;
            let line = json!({
                "workflow": version.workflow,
                "version": version.version,
                "uploaded_ms": version.uploaded_ms,
                "active": routing.active == Some(version.version),
                "labels": version.labels.iter().map(|label| label.as_str()).collect::<Vec<_>>(),
                "component": component.map(|bytes| STANDARD.encode(bytes)),
            });
            self.line("version", line).await?;
        }
        Ok(())
    }

    async fn tools(&self) -> Result<(), Gone> {
        let Self { host, tenant, .. } = self;
        for tool in host.store().tools(tenant).await? {
            let component = host.store().tool_component(tenant, &tool.name).await?;
            let settings: Value = tool.settings.read().unwrap_or_default();
            let component = component.map(|bytes| STANDARD.encode(bytes));
            self.line("tool", json!({"name": tool.name, "settings": settings, "component": component})).await?;
        }
        Ok(())
    }

    async fn schedules(&self) -> Result<(), Gone> {
        let Self { host, tenant, .. } = self;
        let mut after: Option<ScheduleId> = None;
        loop {
            let page = host.store().schedules(tenant, after.as_ref(), PAGE).await?;
            for schedule in &page.schedules {
                let description = host.describe_schedule(tenant, &schedule.id).await?;
                self.line("schedule", to_value(&description)?).await?;
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(()),
            }
        }
    }

    /// Every run, newest first. One that cannot be exported is named, and does not hold up the others.
    async fn runs(&self) -> Result<(u64, u64), Gone> {
        let Self { host, tenant, .. } = self;
        let (mut written, mut failed) = (0, 0);
        let mut before: Option<RunId> = None;
        loop {
            let page = host.store().runs(tenant, &RunFilter::default(), before, PAGE).await?;
            for Run { run_id, .. } in page.runs {
                match host.export(tenant, &RunRef::Run(run_id)).await {
                    Ok(capsule) => {
                        written += 1;
                        self.line("run", json!({"run_id": run_id, "capsule": STANDARD.encode(capsule)})).await?;
                    }
                    Err(error) => {
                        failed += 1;
                        self.line(
                            "failed",
                            json!({"run_id": run_id, "code": error.code.as_str(), "message": error.message}),
                        )
                        .await?;
                    }
                }
            }
            match page.next {
                Some(next) => before = Some(next),
                None => return Ok((written, failed)),
            }
        }
    }
}

fn to_value(shown: &impl serde::Serialize) -> Result<Value, Error> {
    serde_json::to_value(shown).map_err(|error| Error::new(abide_model::ErrorCode::Internal, error.to_string()))
}
