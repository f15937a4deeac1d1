//! One run in a process of its own: started by [`in_process`], done by [`one_side`].

use crate::input::Data;
use crate::measure::{Cost, memory, timed};
use crate::options::{Options, Side};
use crate::{WORKLOADS, Workload};
use dpark::{Conf, DparkContext};
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Runs a side of a workload in this process, and prints wall time, processor time, peak memory and the answer.
pub(crate) fn one_side(side: Side, options: &Options) -> Result<(), String> {
    let [name] = &options.only[..] else { return Err("--profile needs one workload in --only".to_owned()) };
    let workload = WORKLOADS.iter().find(|workload| workload.name == name).expect("--only was checked");
    let data = Data { directory: options.data.clone(), scale: options.scale, threads: options.threads };
    let (answer, wall, cpu) = match side {
        Side::Engine | Side::Processes => {
            let place = if side == Side::Engine { "local" } else { "process" };
            let conf = Conf { master: format!("{place}[{}]", options.threads), ..Conf::default() };
            let ctx = DparkContext::new(conf).map_err(|error| error.to_string())?;
            // Executors have joined when a first job has run on each.
            ctx.range(0, options.threads as i64).count().map_err(|error| error.to_string())?;
            timed(|| (workload.engine)(&ctx, &data).map_err(|error| format!("{name}: {error}")))
        }
        Side::Twin => timed(|| Ok((workload.twin)(&data))),
    };
    println!("{wall} {cpu} {} {}", memory("self", "VmHWM"), answer?);
    Ok(())
}

/// Runs a side in a process of its own.
pub(crate) fn in_process(side: Side, workload: &Workload, options: &Options) -> Result<(Cost, String), String> {
    let program = std::env::current_exe().map_err(|error| format!("this program's own path is unknown: {error}"))?;
    let mut process = Command::new(program)
        .args(["--profile", side.name(), "--only", workload.name])
        .args(["--scale", &options.scale.to_string(), "--threads", &options.threads.to_string()])
        .arg("--data")
        .arg(&options.data)
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot start this program again: {error}"))?;
    let mut own = 0.0f64;
    let id = process.id().to_string();
    let status = loop {
        own = own.max(memory(&id, "RssAnon"));
        if let Some(status) = process.try_wait().map_err(|error| error.to_string())? {
            break status;
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let mut text = String::new();
    process.stdout.take().map(|mut out| out.read_to_string(&mut text));
    if !status.success() {
        return Err(format!("{} of {} failed ({status})", side.name(), workload.name));
    }
    let mut fields = text.trim().splitn(4, ' ');
    let mut number = || fields.next().and_then(|field| field.parse::<f64>().ok()).unwrap_or(f64::NAN);
    let cost = Cost { wall: number(), cpu: number(), peak: number(), own };
    Ok((cost, fields.next().unwrap_or_default().to_owned()))
}
