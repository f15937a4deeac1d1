use super::*;
use std::os::unix::fs::symlink;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, Interest};

const PREFIX: &str = "0123456789abcdef0123456789abcdef";

/// A server of a directory with some files; next to the directory is one that must not be served.
struct Fixture {
    server: FileServer,
    dir: TempDir,
}

impl Fixture {
    async fn new() -> Fixture {
        Fixture::with(Patience::default()).await
    }

    async fn with(patience: Patience) -> Fixture {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("private"), "private").unwrap();
        let served = dir.path().join("served");
        std::fs::create_dir_all(served.join("deep/er")).unwrap();
        std::fs::write(served.join("ten"), "0123456789").unwrap();
        std::fs::write(served.join("empty"), "").unwrap();
        std::fs::write(served.join("deep/er/file-1.2_x"), "deep").unwrap();
        let server = FileServer::start_with(None, patience).await.unwrap();
        server.serve(PREFIX.to_owned(), &served).unwrap();
        Fixture { server, dir }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join("served").join(name)
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.server.addr()).await.unwrap()
    }

    /// Sends some bytes and returns all that comes until the server closes the connection.
    async fn talk(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect().await;
        stream.write_all(bytes).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    /// Asks for one file; returns the status, and the body.
    async fn get(&self, path: &str, headers: &str) -> (String, String) {
        let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\n{headers}Connection: close\r\n\r\n");
        let answer = self.talk(request.as_bytes()).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head["HTTP/1.1 ".len()..][..3].to_owned(), body.to_owned())
    }

    /// The status for a file below the prefix.
    async fn status(&self, name: &str) -> String {
        self.get(&format!("/{PREFIX}/{name}"), "").await.0
    }
}

fn answers(status: &str, body: &str) -> (String, String) {
    (status.to_owned(), body.to_owned())
}

#[tokio::test]
async fn files_and_ranges_of_them_are_served() {
    let fixture = Fixture::new().await;
    assert!(fixture.server.addr().ip().is_loopback());
    let ten = format!("/{PREFIX}/ten");
    assert_eq!(fixture.get(&ten, "").await, answers("200", "0123456789"));
    for (range, status, body) in [
        ("0-0", "206", "0"),
        ("3-5", "206", "345"),
        ("0-9", "206", "0123456789"),
        ("7-", "206", "789"),
        ("8-100", "206", "89"),
        ("8-18446744073709551615", "206", "89"),
        ("10-12", "416", ""),
        ("10-", "416", ""),
    ] {
        assert_eq!(fixture.get(&ten, &format!("Range: bytes={range}\r\n")).await, answers(status, body), "{range}");
    }
    assert_eq!(fixture.get(&format!("/{PREFIX}/empty"), "").await, answers("200", ""));
    assert_eq!(fixture.get(&format!("/{PREFIX}/empty"), "Range: bytes=0-0\r\n").await.0, "416");
    assert_eq!(fixture.get(&format!("/{PREFIX}/deep/er/file-1.2_x"), "").await, answers("200", "deep"));
}

#[tokio::test]
async fn heads_say_what_there_is() {
    let fixture = Fixture::new().await;
    let head = |range: &str| format!("HEAD /{PREFIX}/ten HTTP/1.1\r\n{range}Connection: close\r\n\r\n");
    let whole = fixture.talk(head("").as_bytes()).await;
    let expected = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\nContent-Type: application/octet-stream\r\n\
        Accept-Ranges: bytes\r\nConnection: close\r\n\r\n";
    assert_eq!(whole, expected, "and no body");
    let part = fixture.talk(head("Range: bytes=3-5\r\n").as_bytes()).await;
    assert!(part.contains("Content-Length: 3\r\n") && part.contains("\r\nContent-Range: bytes 3-5/10\r\n"), "{part}");
    let behind = fixture.talk(head("Range: bytes=11-12\r\n").as_bytes()).await;
    assert!(behind.contains("\r\nContent-Range: bytes */10\r\n"), "{behind}");
}

#[tokio::test]
async fn large_files_arrive_whole() {
    let fixture = Fixture::new().await;
    let bytes: String = (0..200_000).map(|i| format!("{i:09} ")).collect();
    std::fs::write(fixture.file("large"), &bytes).unwrap();
    let large = format!("/{PREFIX}/large");
    assert!(fixture.get(&large, "").await == answers("200", &bytes));
    let range = 12_345..1_987_654;
    let header = format!("Range: bytes={}-{}\r\n", range.start, range.end - 1);
    assert!(fixture.get(&large, &header).await == answers("206", &bytes[range]));
}

#[tokio::test]
async fn a_connection_serves_one_request_after_the_other() {
    let fixture = Fixture::new().await;
    let get = |name: &str, more: &str| format!("GET /{PREFIX}/{name} HTTP/1.1\r\n{more}\r\n");
    // Sent at once: what is read too early is not lost.
    let requests = [
        get("ten", "Range: bytes=1-2\r\n"),
        get("none", ""),
        get("ten", "Range: bytes=99-\r\n"),
        get("ten", "Connection: close\r\n"),
    ];
    let answer = fixture.talk(requests.concat().as_bytes()).await;
    let statuses: Vec<&str> =
        answer.match_indices("HTTP/1.1 ").map(|(at, name)| &answer[at + name.len()..][..3]).collect();
    assert_eq!(statuses, ["206", "404", "416", "200"]);
    assert!(answer.ends_with("\r\n\r\n0123456789"));
}

#[tokio::test]
async fn nothing_else_is_served() {
    let fixture = Fixture::new().await;
    std::fs::create_dir(fixture.dir.path().join("served-too")).unwrap();
    std::fs::write(fixture.dir.path().join("served-too/secret"), "secret").unwrap();
    symlink("../private", fixture.file("link")).unwrap();
    symlink("../served-too", fixture.file("linked")).unwrap();
    symlink("ten", fixture.file("inside")).unwrap();
    std::process::Command::new("mkfifo").arg(fixture.file("pipe")).status().unwrap();
    assert_eq!(fixture.status("inside").await, "200", "a link to a file in the directory is one");
    for name in [
        "",
        "..",
        "../private",
        "deep/../ten",
        "deep/../../private",
        "./ten",
        "/ten",
        "ten/",
        "deep",
        "deep/",
        "deep//er",
        "%2e%2e/private",
        "..%2fprivate",
        "%74en",
        "ten?x",
        "ten#x",
        "ten%00",
        "ten\\",
        "link",
        "linked/secret",
        "pipe",
        "none",
    ] {
        assert_eq!(fixture.status(name).await, "404", "{name:?}");
    }
    let unknown = PREFIX.replace('0', "1");
    for path in
        ["/", "/ten", &format!("/{PREFIX}"), &format!("/{unknown}/ten"), &format!("//{PREFIX}/ten"), "*", PREFIX]
    {
        assert_eq!(fixture.get(path, "").await.0, "404", "{path:?}");
    }
    let real_path = fixture.file("ten");
    assert_eq!(fixture.get(real_path.to_str().unwrap(), "").await.0, "404");
    for prefix in ["", "..", "a/b"] {
        assert!(fixture.server.serve(prefix.to_owned(), fixture.dir.path()).is_err(), "{prefix:?}");
    }
    assert!(fixture.server.serve("gone".to_owned(), Path::new("/nowhere")).is_err());
}

#[tokio::test]
async fn bad_requests_are_answered_and_the_connection_closed() {
    let fixture = Fixture::new().await;
    let next = format!("GET /{PREFIX}/ten HTTP/1.1\r\n\r\n");
    let of_ten = |line: &str| format!("GET /{PREFIX}/ten HTTP/1.1\r\n{line}\r\n\r\n").into_bytes();
    for bad in [
        b"hello\r\n\r\n".to_vec(),
        b"\x16\x03\x01\x02\r\n\r\n".to_vec(),
        b"PUT /x HTTP/1.1\r\nContent-Length: 1\r\n\r\n".to_vec(),
        of_ten("Range: bytes=5-2"),
        of_ten("Range: bytes=1-2,4-5"),
        of_ten("Content-Length: 5"),
        of_ten(&format!("A: {}", "a".repeat(100_000))),
    ] {
        let answer = fixture.talk(&[&bad, next.as_bytes()].concat()).await;
        let shown = bad.escape_ascii().to_string();
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{shown}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{shown}: nothing behind it is taken for a request");
    }
}

#[tokio::test]
async fn slow_clients_are_left_and_keep_nobody_waiting() {
    let short = Duration::from_millis(200);
    let fixture = Fixture::with(Patience { request: short, chunk: short }).await;
    std::fs::write(fixture.file("large"), vec![0; 64 << 20]).unwrap();
    // One that never ends its request, one that says nothing, and one that asks and asks and takes no answer.
    let mut dribbling = fixture.connect().await;
    dribbling.write_all(b"GET / HT").await.unwrap();
    let mut silent = fixture.connect().await;
    let mut stuck = fixture.connect().await;
    stuck.write_all(format!("GET /{PREFIX}/large HTTP/1.1\r\n\r\n").repeat(1000).as_bytes()).await.unwrap();
    assert_eq!(fixture.status("ten").await, "200");
    let mut nothing = Vec::new();
    assert_eq!(dribbling.read_to_end(&mut nothing).await.unwrap(), 0);
    assert_eq!(silent.read_to_end(&mut nothing).await.unwrap(), 0);
    // A connection that is closed with requests unread is reset.
    stuck.ready(Interest::ERROR).await.unwrap();
}

#[tokio::test]
async fn a_file_that_becomes_shorter_ends_its_answer_early() {
    let fixture = Fixture::new().await;
    let length = 64 << 20;
    std::fs::write(fixture.file("large"), vec![0; length]).unwrap();
    let mut stream = fixture.connect().await;
    stream.write_all(format!("GET /{PREFIX}/large HTTP/1.1\r\n\r\n").as_bytes()).await.unwrap();
    stream.readable().await.unwrap();
    // The answer has begun, and does not fit into the buffers between here and there.
    std::fs::write(fixture.file("large"), b"short").unwrap();
    let mut received = Vec::new();
    stream.read_to_end(&mut received).await.unwrap();
    assert!(received.len() < length, "{} bytes", received.len());
}

#[tokio::test]
async fn a_server_that_is_dropped_closes_its_connections() {
    let fixture = Fixture::new().await;
    let mut stream = fixture.connect().await;
    stream.write_all(format!("GET /{PREFIX}/none HTTP/1.1\r\n\r\n").as_bytes()).await.unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).await.unwrap();
    let address = fixture.server.addr();
    drop(fixture);
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    assert!(rest.ends_with(b"\r\n\r\n"));
    assert!(TcpStream::connect(address).await.is_err());
}
