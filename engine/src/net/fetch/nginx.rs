//! The fetcher against the real nginx, and the engine's own server beside it.

use super::*;
use crate::net::file_server::FileServer;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use tempfile::TempDir;

const PREFIX: &str = "00112233445566778899aabbccddeeff";
/// The user nobody.
const NOBODY: u32 = 65534;

/// A running nginx whose root is a directory of this test's.
struct Nginx {
    process: Child,
    base: String,
    dir: TempDir,
}

impl Nginx {
    /// Starts it at DPark's port, on a loopback address of this process's own, as a user without rights.
    async fn start() -> Nginx {
        let dir = tempfile::tempdir().unwrap();
        let (root, own) = (dir.path().join("root"), dir.path().join("own"));
        std::fs::create_dir_all(root.join(PREFIX)).unwrap();
        std::fs::create_dir(&own).unwrap();
        let [a, b, ..] = std::process::id().to_le_bytes();
        let host = format!("127.55.{a}.{b}:5055");
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {}/{kind};\n", own.display()))
            .concat();
        let conf = format!(
            "daemon off; master_process off; pid {own}/pid; error_log stderr; events {{ }}\n\
            http {{ access_log off; {temporary} server {{ listen {host}; root {root}; }} }}\n",
            own = own.display(),
            root = root.display(),
        );
        std::fs::write(own.join("nginx.conf"), conf).unwrap();
        let mut command = Command::new("nginx");
        command.args(["-e", "stderr", "-p"]).arg(&own).arg("-c").arg(own.join("nginx.conf"));
        command.stdin(Stdio::null()).stderr(std::fs::File::create(own.join("log")).unwrap());
        if chown(&own, Some(NOBODY), Some(NOBODY)).is_ok() {
            std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
            command.uid(NOBODY).gid(NOBODY);
        }
        let process = command.spawn().expect("this test needs nginx in the PATH (Debian's nginx-light)");
        let mut nginx = Nginx { process, base: format!("http://{host}"), dir };
        nginx.wait_for(&host).await;
        nginx
    }

    async fn wait_for(&mut self, host: &str) {
        while TcpStream::connect(host).await.is_err() {
            let ended = self.process.try_wait().unwrap();
            let log = || std::fs::read_to_string(self.dir.path().join("own/log")).unwrap();
            assert!(ended.is_none(), "nginx ended: {}", log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn served(&self) -> std::path::PathBuf {
        self.dir.path().join("root").join(PREFIX)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn write(dir: &Path, name: &str, length: usize) -> Vec<u8> {
    let bytes: Vec<u8> = (0..length).map(|i| (i ^ (i >> 8) ^ (i >> 16)) as u8).collect();
    std::fs::write(dir.join(name), &bytes).unwrap();
    bytes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nginx_and_the_own_server_give_the_same_bytes() {
    let nginx = Nginx::start().await;
    let dir = nginx.served();
    let large = Arc::new(write(&dir, "large", 3_000_000));
    write(&dir, "empty", 0);
    let own = FileServer::start(None).await.unwrap();
    own.serve(PREFIX.to_owned(), &dir).unwrap();
    let fetcher = Arc::new(Fetcher::new(8));
    for base in [nginx.base.clone(), format!("http://{}", own.addr())] {
        let get = async |name: &str, range| fetcher.get(&base, &format!("/{PREFIX}/{name}"), range).await;
        assert!(get("large", None).await.unwrap() == *large, "{base}");
        assert_eq!(get("empty", None).await.unwrap(), b"", "{base}");
        assert_eq!(get("large", Some(2_999_990..3_000_000)).await.unwrap(), large[2_999_990..], "{base}");

        let error = |result: Result<Vec<u8>, FetchError>| result.unwrap_err().cause.to_string();
        let short = error(get("large", Some(2_999_990..3_000_001)).await);
        assert_eq!(short, "only 10 of 11 bytes came", "{base}");
        let behind = error(get("large", Some(3_000_000..3_000_001)).await);
        assert_eq!(behind, "the server answered with status 416 where 206 was expected", "{base}");
        let missing = error(get("missing", None).await);
        assert_eq!(missing, "the server answered with status 404 where 200 was expected", "{base}");

        // More requests than one connection of nginx takes by default.
        let mut ranges = tokio::task::JoinSet::new();
        for i in 0..1200 {
            let (fetcher, base, large) = (Arc::clone(&fetcher), base.clone(), Arc::clone(&large));
            ranges.spawn(async move {
                let start = i * 7919 % 2_900_000;
                let range = start..start + i * 31 % 70_000;
                let bytes = fetcher.get(&base, &format!("/{PREFIX}/large"), Some(range.clone())).await.unwrap();
                assert!(bytes == large[range.start as usize..range.end as usize], "{base}: {range:?}");
            });
        }
        ranges.join_all().await;
    }
    let connections = fetcher.idle.lock().unwrap().values().map(Vec::len).collect::<Vec<_>>();
    assert!(connections.iter().all(|&connections| connections <= 8), "{connections:?}");
}
