//! Comms: channels between a front end and the kernel. There is one target, `dpark`, through which a front end can look
//! at the engine and cancel a job while a cell runs; comms with any other target are closed at once, as the protocol
//! wants it.

use crate::iopub::IoPub;
use crate::wire::Request;
use dpark::ids::JobId;
use dpark_repl::shell::Live;
use dpark_repl::view::rich;
use jupyter_protocol::messaging::{
    CommClose, CommId, CommInfo, CommInfoReply, CommInfoRequest, CommMsg, CommOpen, JupyterMessageContent,
};
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// The target of comms that look at the engine.
pub const TARGET: &str = "dpark";

/// The open comms.
#[derive(Debug, Default)]
pub struct Comms {
    open: HashMap<CommId, String>,
}

impl Comms {
    /// Takes a comm message; tells whether it was one.
    pub fn hear(&mut self, message: &Request, live: Option<&Live>, iopub: &IoPub) -> bool {
        match &message.content {
            JupyterMessageContent::CommOpen(open) => self.open(open, message, iopub),
            JupyterMessageContent::CommMsg(said) => self.say(said, message, live, iopub),
            JupyterMessageContent::CommClose(close) => drop(self.open.remove(&close.comm_id)),
            _ => return false,
        }
        true
    }

    /// The comms of a target, or all.
    pub fn info(&self, request: &CommInfoRequest) -> CommInfoReply {
        let wanted = request.target_name.as_deref().filter(|name| !name.is_empty());
        let chosen = self.open.iter().filter(|(_, target)| wanted.is_none_or(|wanted| wanted == *target));
        let info = |(id, target): (&CommId, &String)| (id.clone(), CommInfo { target_name: target.clone() });
        CommInfoReply { comms: chosen.map(info).collect(), ..CommInfoReply::default() }
    }

    fn open(&mut self, open: &CommOpen, message: &Request, iopub: &IoPub) {
        if open.target_name == TARGET {
            self.open.insert(open.comm_id.clone(), open.target_name.clone());
        } else {
            iopub.post(CommClose { comm_id: open.comm_id.clone(), data: Map::new() }, Some(message));
        }
    }

    fn say(&self, said: &CommMsg, message: &Request, live: Option<&Live>, iopub: &IoPub) {
        if !self.open.contains_key(&said.comm_id) {
            return;
        }
        let answer = match live {
            Some(live) => answer(&said.data, live),
            None => json!({ "error": "the session is not there yet" }),
        };
        let Value::Object(data) = answer else { return };
        iopub.post(CommMsg { comm_id: said.comm_id.clone(), data }, Some(message));
    }
}

/// `{"cancel": JOB}` cancels a job, `{"jobs": true}` tells of all jobs.
fn answer(said: &Map<String, Value>, live: &Live) -> Value {
    if let Some(job) = said.get("cancel").and_then(Value::as_u64) {
        live.control.cancel_job(JobId(job));
        return json!({ "cancelled": job });
    }
    if said.contains_key("jobs") {
        let snapshot = live.snapshot();
        let jobs: Vec<JobId> = snapshot.jobs.iter().map(|job| job.id).collect();
        return json!({ "jobs": rich::after(&snapshot, &jobs, &live.names()).json });
    }
    json!({ "error": "`cancel` or `jobs`" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire;
    use std::sync::Arc;

    fn hear(comms: &mut Comms, content: impl Into<JupyterMessageContent>) -> bool {
        let (iopub, _sender) = IoPub::new();
        comms.hear(&Arc::new(wire::message(content, None)), None, &iopub)
    }

    fn open(id: &str, target: &str) -> CommOpen {
        CommOpen { comm_id: CommId(id.into()), target_name: target.into(), ..CommOpen::default() }
    }

    #[test]
    fn comms_are_known_from_open_to_close() {
        let mut comms = Comms::default();
        assert!(hear(&mut comms, open("1", TARGET)));
        assert!(hear(&mut comms, open("2", "jupyter.widget")));
        let known = |comms: &Comms, target: Option<&str>| {
            comms.info(&CommInfoRequest { target_name: target.map(str::to_owned) }).comms.len()
        };
        assert_eq!([known(&comms, None), known(&comms, Some(TARGET)), known(&comms, Some("x"))], [1, 1, 0]);
        assert!(hear(&mut comms, CommClose { comm_id: CommId("1".into()), data: Map::new() }));
        assert_eq!(known(&comms, None), 0);
    }
}
