//! The thread that owns evcxr.

use anyhow::{Context, Result, anyhow};
use evcxr::{CommandContext, EvalContext};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

type Call = Box<dyn FnOnce(&mut CommandContext) + Send>;

/// What evcxr is set up with.
pub struct Setup {
    /// How the child is started.
    pub child: Command,
    /// The environment of evcxr's build commands.
    pub build_environment: Vec<(String, String)>,
    /// The dependencies of every session, as in a manifest.
    pub dependencies: Vec<(String, String)>,
    /// The code that every session begins with.
    pub prelude: String,
}

/// evcxr on a thread of its own, so that the prompt need not wait for its type inference to warm up.
pub struct Interpreter {
    calls: Sender<Call>,
    failure: Arc<OnceLock<String>>,
    warm: Arc<AtomicBool>,
}

impl Interpreter {
    /// Starts the thread, which warms up type inference first.
    pub fn start(setup: Setup) -> Result<Interpreter> {
        let (calls, queue) = mpsc::channel::<Call>();
        let (failure, warm) = (Arc::new(OnceLock::new()), Arc::new(AtomicBool::new(false)));
        let (failed, warmed) = (Arc::clone(&failure), Arc::clone(&warm));
        std::thread::Builder::new().name("dpark-evcxr".into()).spawn(move || match warm_up(setup) {
            Ok(mut context) => {
                warmed.store(true, Ordering::SeqCst);
                for call in queue {
                    call(&mut context);
                }
            }
            Err(error) => {
                let _ = failed.set(format!("{error:#}"));
            }
        })?;
        Ok(Interpreter { calls, failure, warm })
    }

    /// Whether type inference is there.
    pub fn is_warm(&self) -> bool {
        self.warm.load(Ordering::SeqCst)
    }

    /// Why evcxr could not be started, if so.
    pub fn failure(&self) -> Option<&str> {
        self.failure.get().map(String::as_str)
    }

    /// Queues a call on evcxr's thread.
    pub fn call<R: Send + 'static>(&self, call: impl FnOnce(&mut CommandContext) -> R + Send + 'static) -> Receiver<R> {
        let (answer, answered) = mpsc::channel();
        // A thread that is gone drops the call, and the receiver sees it.
        let _ = self.calls.send(Box::new(move |context| {
            let _ = answer.send(call(context));
        }));
        answered
    }

    /// Queues a call and waits for it, as long as type inference is there and the answer comes in time. A call that nobody
    /// waits for any more is not made.
    pub fn ask_within<R: Send + 'static>(
        &self,
        patience: Duration,
        call: impl FnOnce(&mut CommandContext) -> R + Send + 'static,
    ) -> Option<R> {
        if !self.is_warm() {
            return None;
        }
        let waiting = Arc::new(());
        let waits = Arc::downgrade(&waiting);
        let answer = self.call(move |context| waits.upgrade().map(|_| call(context)));
        answer.recv_timeout(patience).ok().flatten()
    }

    /// Queues a call and waits for it.
    pub fn ask<R: Send + 'static>(&self, call: impl FnOnce(&mut CommandContext) -> R + Send + 'static) -> Result<R> {
        self.call(call).recv().map_err(|_| {
            let reason = self.failure().unwrap_or("its thread ended");
            anyhow!("the interpreter is not there: {reason}")
        })
    }
}

fn warm_up(setup: Setup) -> Result<CommandContext> {
    let (mut context, _outputs) =
        EvalContext::with_subprocess_command(setup.child).map_err(|error| anyhow!("{error}"))?;
    let mut state = context.state();
    // evcxr calls cargo through this linker: the stand-in of that name is ours.
    state.set_linker("mold".to_owned());
    for (name, value) in &setup.build_environment {
        state.set_build_env(name, value);
    }
    for (name, specification) in &setup.dependencies {
        state.add_dep(name, specification).map_err(|error| anyhow!("{error}"))?;
    }
    context
        .eval_with_state(&setup.prelude, state)
        .map_err(|error| anyhow!("{error}"))
        .context("the session's prelude")?;
    Ok(CommandContext::with_eval_context(context))
}
