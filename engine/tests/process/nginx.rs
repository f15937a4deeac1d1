//! nginx at DPark's port, in a network of the test's own, where that port is free.

use crate::support::{Collected, collected, in_directory, wait_for};
use crate::{run_again, tests};
use dpark::DparkContext;
use dpark::event::{Event, TaskEnd};
use std::collections::HashMap;
use std::fs::{File, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

tests!(blocks_come_from_nginx, an_impostor_at_the_port_is_not_believed);

const ADDRESS: &str = "127.0.0.1:5055";

/// The user nobody, and its group.
const NOBODY: u32 = 65534;

/// Whether this process is the one with the network; if not, the test is run in one.
fn is_in_a_network_of_its_own(test: &str) -> bool {
    const INSIDE: &str = "DPARK_TEST_NETWORK";
    if std::env::var_os(INSIDE).is_none() {
        run_again(&["unshare", "--net"], test, &[(INSIDE, "1"), ("DPARK_LOCAL_READS", "0")]);
        return false;
    }
    // SAFETY: a request of zeroes is one, the name is shorter than its place, and the call only reads it.
    let raised = unsafe {
        let mut request: libc::ifreq = std::mem::zeroed();
        for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
            *to = from.cast_signed();
        }
        request.ifr_ifru.ifru_flags = libc::IFF_UP as libc::c_short;
        libc::ioctl(libc::socket(libc::AF_INET, libc::SOCK_DGRAM, 0), libc::SIOCSIFFLAGS, &request)
    };
    assert_eq!(raised, 0, "the loopback interface is there: {}", std::io::Error::last_os_error());
    true
}

/// A running nginx that serves a work directory.
struct Nginx {
    process: Child,
    own: PathBuf,
    root: PathBuf,
    _directory: TempDir,
}

impl Nginx {
    /// Starts it as a user without rights, to whose group the work directory is shown.
    fn start() -> Nginx {
        let directory = tempfile::tempdir().unwrap();
        std::fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
        let (root, own) = (directory.path().join("root"), directory.path().join("own"));
        std::fs::create_dir(&root).unwrap();
        chown(&root, None, Some(NOBODY)).expect("this test runs nginx as another user: run it as root");
        std::fs::set_permissions(&root, Permissions::from_mode(0o2750)).unwrap();
        std::fs::create_dir(&own).unwrap();
        chown(&own, Some(NOBODY), Some(NOBODY)).unwrap();
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {}/{kind};\n", own.display()))
            .concat();
        let conf = format!(
            "daemon off; master_process off; pid {own}/pid; error_log {own}/errors; events {{ }}\n\
            http {{ access_log {own}/requests; {temporary} server {{ listen {ADDRESS}; root {root}; }} }}\n",
            own = own.display(),
            root = root.display(),
        );
        std::fs::write(own.join("nginx.conf"), conf).unwrap();
        let mut command = Command::new("nginx");
        command.args(["-e", "stderr", "-p"]).arg(&own).arg("-c").arg(own.join("nginx.conf"));
        command.stdin(Stdio::null()).stderr(File::create(own.join("log")).unwrap()).uid(NOBODY).gid(NOBODY);
        let process = command.spawn().expect("this test needs nginx in the PATH (Debian's nginx-light)");
        wait_for("nginx listens", || TcpStream::connect(ADDRESS).is_ok());
        Nginx { process, own, root, _directory: directory }
    }

    /// The requests it has answered so.
    fn answered(&self, name: &str, status: u16) -> usize {
        let log = std::fs::read_to_string(self.own.join("requests")).unwrap_or_default();
        log.lines().filter(|line| line.contains(name) && line.contains(&format!(" HTTP/1.1\" {status} "))).count()
    }

    fn stop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Has why tasks have failed.
fn failures(ctx: &DparkContext) -> Collected<String> {
    collected(ctx, |event| match event {
        Event::TaskFinished { end: TaskEnd::Failed(why), .. } => Some(why.clone()),
        _ => None,
    })
}

fn sums(rows: i64) -> HashMap<i64, i64> {
    let mut sums = HashMap::new();
    (0..rows).for_each(|x| *sums.entry(x % 1000).or_default() += x);
    sums
}

fn blocks_come_from_nginx() {
    if !is_in_a_network_of_its_own("blocks_come_from_nginx") {
        return;
    }
    let mut nginx = Nginx::start();
    let ctx = in_directory("process[2*2]", &nginx.root);
    let failures = failures(&ctx);
    let counted = ctx.range_with(0, 100_000, 1, 8).map(|x| (x % 1000, x)).reduce_by_key(|a, b| a + b);
    assert_eq!(counted.collect_as_map().unwrap(), sums(100_000));
    // What an executor has itself comes this way, too: four reduce partitions of eight map outputs.
    assert!(nginx.answered(".data", 206) >= 32 && nginx.answered(".index", 200) >= 8);
    let texts = ctx.range_with(0, 200_000, 1, 2).map(|x| format!("row {x}")).collect().unwrap();
    assert!(texts.len() == 200_000 && nginx.answered("reply-", 200) == 2);

    // It ends while blocks are fetched.
    let asked = nginx.answered("shuffle-", 206);
    std::thread::scope(|scope| {
        let jobs = scope.spawn(|| {
            for _ in 0..30 {
                assert_eq!(counted.collect_as_map().unwrap(), sums(100_000));
            }
        });
        wait_for("blocks are fetched", || nginx.answered("shuffle-", 206) > asked + 64);
        nginx.stop();
        assert!(!jobs.is_finished());
        jobs.join().unwrap();
    });
    assert_eq!(*failures.lock().unwrap(), [""; 0], "executors serve their files themselves then");
}

fn an_impostor_at_the_port_is_not_believed() {
    if !is_in_a_network_of_its_own("an_impostor_at_the_port_is_not_believed") {
        return;
    }
    let listener = TcpListener::bind(ADDRESS).unwrap();
    let requests = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&requests);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut line = String::new();
            BufReader::new(&stream).read_line(&mut line).unwrap();
            seen.lock().unwrap().push(line);
            let body = "0".repeat(32);
            let head = "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 1-32/34\r\nContent-Length: 32\r\n\r\n";
            let _ = (&stream).write_all(format!("{head}{body}").as_bytes());
        }
    });
    let directory = tempfile::tempdir().unwrap();
    let ctx = in_directory("process[2]", directory.path());
    let counted = ctx.range_with(0, 10_000, 1, 8).map(|x| (x % 1000, x)).reduce_by_key(|a, b| a + b);
    assert_eq!(counted.collect_as_map().unwrap(), sums(10_000));
    wait_for("the driver and both executors have asked", || requests.lock().unwrap().len() == 3);
    assert!(requests.lock().unwrap().iter().all(|line| !line.contains("shuffle-")));
}
