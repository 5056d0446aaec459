//! The hands that a command of `queue` works with: the running agent's, or its own.

use crate::app::{self, Upkeep};
use crate::cli::setting::Setting;
use crate::domain::{Caller, Door, UpdateId};
use crate::failure::Failure;
use crate::web::client::Client;
use crate::web::upkeep::{
    CarriedUpdate, ExportEnd, ExportMarked, ExportPlan, ExportRequest, ImportOutcome, VerifyReport,
};
use crate::web::wire::QueueItem;

/// Who does the work.
pub(super) enum Hands {
    Agent(Client),
    Own(Box<Upkeep>),
}

impl Hands {
    pub(super) fn find(setting: &Setting) -> Result<Self, Failure> {
        Ok(match setting.agent()? {
            Some(agent) => Self::Agent(agent),
            None => {
                let upkeep = Upkeep::alone(&setting.config, &setting.paths, this_user())?;
                Self::Own(Box::new(upkeep))
            }
        })
    }

    pub(super) fn look(&self, id: UpdateId) -> Result<QueueItem, Failure> {
        match self {
            Self::Agent(agent) => app::block_on(agent.queued(&id.to_string()))?,
            Self::Own(upkeep) => upkeep.look(id),
        }
    }

    pub(super) fn retry(&self, id: UpdateId) -> Result<QueueItem, Failure> {
        match self {
            Self::Agent(agent) => app::block_on(agent.retry(&id.to_string()))?,
            Self::Own(upkeep) => upkeep.retry(id),
        }
    }

    pub(super) fn discard(&self, id: UpdateId) -> Result<QueueItem, Failure> {
        match self {
            Self::Agent(agent) => app::block_on(agent.discard(&id.to_string()))?,
            Self::Own(upkeep) => upkeep.discard(id),
        }
    }

    pub(super) fn plan_export(&self, request: &ExportRequest) -> Result<ExportPlan, Failure> {
        match self {
            Self::Agent(agent) => app::block_on(agent.plan_export(request))?,
            Self::Own(upkeep) => upkeep.plan_export(request),
        }
    }

    pub(super) fn end_export(&self, end: &ExportEnd) -> Result<ExportMarked, Failure> {
        match self {
            Self::Agent(agent) => app::block_on(agent.end_export(end))?,
            Self::Own(upkeep) => upkeep.end_export(end),
        }
    }

    pub(super) fn carry(&self, id: &str) -> Result<CarriedUpdate, Failure> {
        match self {
            Self::Agent(agent) => app::block_on(agent.carry(id))?,
            Self::Own(upkeep) => upkeep.carry(id.parse()?),
        }
    }

    pub(super) fn import(&self, carried: CarriedUpdate) -> Result<ImportOutcome, Failure> {
        match self {
            Self::Agent(agent) => app::block_on(agent.import(&carried))?,
            Self::Own(upkeep) => upkeep.import(carried),
        }
    }
}

/// Checks the queue; without an agent it is not even opened.
pub(super) fn verify(setting: &Setting) -> Result<VerifyReport, Failure> {
    match setting.agent()? {
        Some(agent) => app::block_on(agent.verify())?,
        None => app::verify_alone(&setting.config, &setting.paths),
    }
}

/// The person at the terminal, also where `sudo` made somebody else of them.
fn this_user() -> Caller {
    Caller { door: Door::Terminal, uid: Some(rustix::process::getuid().as_raw()) }
}
