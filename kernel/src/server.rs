//! A kernel from its start to its end.

use crate::activity::Activity;
use crate::assistant::Assistant;
use crate::cells::{Cells, Queue};
use crate::connection::Sockets;
use crate::control::{Control, Stop};
use crate::history::History;
use crate::iopub::IoPub;
use crate::iopub::relay::Listener;
use crate::notebook::Notebook;
use crate::shell::{Replies, Shell};
use crate::stdin::{self, Questions};
use crate::{failure, heartbeat};
use anyhow::{Context, Result};
use dpark_repl::config::Config;
use dpark_repl::launch::{self, Ends};
use dpark_repl::session::{CellError, Handle, Input, Session, Stdio};
use dpark_repl::shell::front::Front;
use dpark_repl::shell::interrupt::{Interrupts, Mode};
use dpark_repl::shell::{self, Live};
use jupyter_protocol::ConnectionInfo;
use jupyter_protocol::messaging::{ErrorOutput, Status};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// The session may take so long to end.
const GRACE: Duration = Duration::from_secs(2);
/// Replies that are on their way are given so long.
const LAST_WORDS: Duration = Duration::from_millis(50);

/// Serves the front ends of a connection until one of them ends it.
pub async fn run(connection: &ConnectionInfo, config: Arc<Config>) -> Result<()> {
    let master = config.master().for_engine()?;
    let name = format!("dpark-{}", std::process::id());
    let listener = Listener::open(connection).await?;
    let sockets = Sockets::open(connection, &name).await?;
    let inside = sockets.iopub_path();
    let (shell_socket, control_socket, stdin_socket, iopub_socket, heart, _folder) = sockets.split();

    let (iopub, sender) = IoPub::new();
    let (questions, asked) = Questions::new(iopub.clone());
    let notebook = Notebook::new(iopub.clone(), questions.clone(), &config);
    let activity = Activity::new(iopub.clone());
    let replies = Replies::start(shell_socket.replies);
    let stop = Stop::default();
    let live = Arc::<OnceLock<Live>>::default();
    let history = Arc::new(Mutex::new(history(&config)));
    let front: Arc<dyn Front> = Arc::new(notebook.clone());
    let interrupts = Interrupts::without_signals(Mode::Prompt, Arc::clone(&front))?;
    let (cells, queue) = Queue::new(notebook.clone());
    let session = Arc::<OnceLock<Handle>>::default();

    let starting = Starting {
        config,
        front,
        notebook: notebook.clone(),
        interrupts: interrupts.clone(),
        questions: questions.clone(),
        live: Arc::clone(&live),
        session: Arc::clone(&session),
    };
    let (for_cells, telling, answering) = (iopub.clone(), activity.clone(), replies.clone());
    let (remembering, asking) = (Arc::clone(&history), questions.clone());
    let running = std::thread::Builder::new().name("cells".into()).spawn(move || {
        let shell = starting.start();
        let cells = Cells {
            shell,
            notebook,
            iopub: for_cells,
            activity: telling,
            replies: answering,
            history: remembering,
            questions: asking,
            count: 0,
        };
        cells.run(&queue);
    })?;

    tokio::spawn(listener.serve(inside));
    tokio::spawn(sender.run(iopub_socket));
    tokio::spawn(heartbeat::echo(heart));
    tokio::spawn(stdin::ask(questions.clone(), asked, stdin_socket.replies));
    tokio::spawn(stdin::hear(questions.clone(), stdin_socket.requests));
    iopub.post(Status::starting(), None);
    let assistant = Assistant::start(Arc::clone(&live), activity.clone(), replies.clone())?;
    let control = Control {
        replies: Replies::start(control_socket.replies),
        activity: activity.clone(),
        iopub: iopub.clone(),
        interrupts,
        questions,
        master: master.clone(),
        stop: stop.clone(),
    };
    tokio::spawn(control.serve(control_socket.requests));
    let shell =
        Shell { replies, activity, iopub: iopub.clone(), cells, assistant, history, live, master, stop: stop.clone() };
    let serving = tokio::spawn(shell.serve(shell_socket.requests));

    end_is_asked_for(&stop).await?;
    // No cell is taken up any more, and the queue ends with this task.
    serving.abort();
    let ended = tokio::task::spawn_blocking(move || {
        if let Some(session) = session.get() {
            session.close();
        }
        running.join()
    });
    let _ = tokio::time::timeout(GRACE, ended).await;
    iopub.flush().await;
    tokio::time::sleep(LAST_WORDS).await;
    Ok(())
}

/// Waits for a shutdown request, SIGTERM, or the end of whoever has started us.
async fn end_is_asked_for(stop: &Stop) -> Result<()> {
    let mut terminated = signal(SignalKind::terminate()).context("SIGTERM")?;
    tokio::select! {
        () = stop.asked() => {}
        _ = terminated.recv() => {}
        () = parent_is_gone() => {}
    }
    Ok(())
}

/// Jupyter names the process that the kernel must not outlive.
async fn parent_is_gone() {
    let parent = std::os::unix::process::parent_id();
    if std::env::var_os("JPY_PARENT_PID").is_none() || parent == 1 {
        return std::future::pending().await;
    }
    while std::os::unix::process::parent_id() == parent {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

fn history(config: &Config) -> History {
    let file = match config.text("history") {
        "off" => None,
        // A file that is set is the prompt's; ours stands beside it.
        "" => {
            dirs::state_dir().or_else(dirs::cache_dir).map(|directory| directory.join("dpark").join("notebook.jsonl"))
        }
        path => Some(PathBuf::from(path).with_extension("notebook.jsonl")),
    };
    History::open(file, usize::try_from(config.number("history_size")).unwrap_or(usize::MAX))
}

/// What a session is started with, on the thread that it will live on.
struct Starting {
    config: Arc<Config>,
    front: Arc<dyn Front>,
    notebook: Notebook,
    interrupts: Interrupts,
    questions: Questions,
    live: Arc<OnceLock<Live>>,
    session: Arc<OnceLock<Handle>>,
}

impl Starting {
    fn start(self) -> Result<shell::Shell<Session>, ErrorOutput> {
        let (printing, asking) = (self.notebook.clone(), self.notebook.clone());
        let ends = Ends {
            args: vec!["dpark-kernel".to_owned()],
            stdio: Stdio::Watch(Arc::new(move |stream, bytes| printing.user_output(stream, bytes))),
            input: Input::Asked(Arc::new(move || asking.ask())),
            interactive: true,
        };
        let started = launch::start(&self.config, ends, &self.front, &mut |building| self.notebook.note(building));
        let session = started.map_err(|error| {
            eprintln!("dpark-kernel: {error:#}");
            failure::output(&CellError::Session(format!("{error:#}")))
        })?;
        // Each is set here, once.
        let _ = self.session.set(session.handle());
        self.questions.answer_to(session.handle());
        let shell = shell::Shell::new(session, self.config, self.front, self.interrupts);
        let _ = self.live.set(shell.live.clone());
        Ok(shell)
    }
}
