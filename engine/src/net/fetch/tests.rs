use super::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Has a listener at a free port, and the base URL of it.
async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    (listener, base)
}

/// A server that plays a part on each connection: reads a request and sends the next of the texts. After the last one it closes.
/// It tells in the end how many requests each of the connections brought.
fn play(listener: TcpListener, connections: Vec<Vec<String>>) -> JoinHandle<Vec<usize>> {
    tokio::spawn(async move {
        let mut requests = Vec::new();
        for texts in connections {
            let mut stream = BufReader::new(listener.accept().await.unwrap().0);
            requests.push(0);
            for text in texts {
                let Ok(Some(_)) = http::read_head(&mut stream).await else { break };
                *requests.last_mut().unwrap() += 1;
                stream.write_all(text.as_bytes()).await.unwrap();
            }
        }
        requests
    })
}

/// What comes of one request to a server that sends a text and closes.
async fn answered(text: &str, range: Option<Range<u64>>) -> Result<Vec<u8>, String> {
    let (listener, base) = listen().await;
    let server = play(listener, vec![vec![text.to_owned()]]);
    let result = Fetcher::new(1).get(&base, "/f", range).await;
    assert_eq!(server.await.unwrap(), [1]);
    result.map_err(|error| {
        let text = error.to_string();
        text.strip_prefix(&format!("{base}/f: ")).expect("the error names the URL").to_owned()
    })
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn answers_are_taken_for_what_they_are() {
    assert_eq!(answered(&ok("body"), None).await.unwrap(), b"body");
    assert_eq!(answered(&ok(""), None).await.unwrap(), b"");
    let part = "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 2-5/9\r\nContent-Length: 4\r\n\r\nbody";
    assert_eq!(answered(part, Some(2..6)).await.unwrap(), b"body");
    let wrong = [
        (ok("body"), Some(0..4), "the server answered with status 200 where 206 was expected"),
        (part.to_owned(), None, "the server answered with status 206 where 200 was expected"),
        (part.to_owned(), Some(2..9), "only 4 of 7 bytes came"),
        (part.to_owned(), Some(3..7), "the server's answer is not understood: it has another range of the file"),
        (part.to_owned(), Some(2..5), "the server's answer is not understood: it has another range of the file"),
        (
            "HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nno\n".into(),
            None,
            "the server answered with status 404 where 200 was expected",
        ),
        (
            "HTTP/1.1 500 Oh\r\nContent-Length: 999999999\r\n\r\n".into(),
            None,
            "the server answered with status 500 where 200 was expected",
        ),
        ("SMTP ready\r\n\r\n".into(), None, "the server's answer is not understood: it is no HTTP answer"),
        ("HTTP/1.1 200 OK\r\nConte".into(), None, "a head was cut off"),
        (String::new(), None, "the server closed the connection before it answered"),
    ];
    for (text, range, problem) in wrong {
        assert_eq!(answered(&text, range).await.unwrap_err(), problem, "{text}");
    }
}

#[tokio::test]
async fn a_server_that_dies_amid_a_body_is_an_error() {
    let text = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it";
    assert_eq!(answered(text, None).await.unwrap_err(), "only 10 of 100 bytes came");
    // The claimed length is not believed.
    let text = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\nhalf of it", u64::MAX);
    assert_eq!(answered(&text, None).await.unwrap_err(), format!("only 10 of {} bytes came", u64::MAX));
}

#[tokio::test]
async fn connections_are_used_again() {
    let (listener, base) = listen().await;
    let gone = "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno".to_owned();
    let last = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nc!".to_owned();
    let server = play(listener, vec![vec![ok("a"), gone, ok("b"), last], vec![ok("d")]]);
    let fetcher = Fetcher::new(4);
    assert_eq!(fetcher.get(&base, "/a", None).await.unwrap(), b"a");
    fetcher.get(&base, "/gone", None).await.unwrap_err();
    for (path, body) in [("/b", "b"), ("/c", "c!"), ("/d", "d")] {
        assert_eq!(fetcher.get(&base, path, None).await.unwrap(), body.as_bytes());
    }
    assert_eq!(server.await.unwrap(), [4, 1]);
}

#[tokio::test]
async fn connections_to_servers_that_are_gone_are_closed() {
    let (listener, base) = listen().await;
    let server = play(listener, vec![vec![ok("a"), ok("b")], vec![ok("c")]]);
    let fetcher = Fetcher::new(1);
    for (path, servers) in [("/a", HashSet::from([&*base])), ("/b", HashSet::new()), ("/c", HashSet::new())] {
        fetcher.get(&base, path, None).await.unwrap();
        fetcher.keep_connections_to(&servers);
    }
    assert_eq!(server.await.unwrap(), [2, 1]);
}

#[tokio::test]
async fn a_connection_that_went_stale_is_replaced_once() {
    let (listener, base) = listen().await;
    // The first connection is closed after its answer; the second has another request and is closed at it.
    let server = play(listener, vec![vec![ok("a")], vec![ok("b"), String::new()], vec![String::new()]]);
    let fetcher = Fetcher::new(1);
    assert_eq!(fetcher.get(&base, "/a", None).await.unwrap(), b"a");
    assert_eq!(fetcher.get(&base, "/b", None).await.unwrap(), b"b", "over a new connection");
    let error = fetcher.get(&base, "/c", None).await.unwrap_err();
    assert!(matches!(error.cause, FetchCause::Closed), "{error}: a new connection that is closed is not replaced");
    assert_eq!(server.await.unwrap(), [1, 2, 1]);
}

#[tokio::test]
async fn no_more_requests_than_allowed_run_at_once() {
    let (listener, base) = listen().await;
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (now, seen) = (Arc::clone(&running), Arc::clone(&most));
    // Answers only when as many requests are there as may be, so the test ends only if that many run at once.
    let all_there = Arc::new(tokio::sync::Barrier::new(3));
    let server = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (now, seen, all_there) = (Arc::clone(&now), Arc::clone(&seen), Arc::clone(&all_there));
            tokio::spawn(async move {
                let mut stream = BufReader::new(stream);
                while let Ok(Some(_)) = http::read_head(&mut stream).await {
                    seen.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    all_there.wait().await;
                    now.fetch_sub(1, Ordering::SeqCst);
                    stream.write_all(ok("x").as_bytes()).await.unwrap();
                }
            });
        }
    });
    let fetcher = Arc::new(Fetcher::new(3));
    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..30 {
        let (fetcher, base) = (Arc::clone(&fetcher), base.clone());
        requests.spawn(async move { fetcher.get(&base, "/x", None).await.unwrap() });
    }
    assert!(requests.join_all().await.iter().all(|body| body == b"x"));
    assert_eq!(most.load(Ordering::SeqCst), 3);
    server.abort();
}

#[tokio::test]
async fn a_silent_server_is_left() {
    let patience = Patience { connect: Duration::from_secs(10), progress: Duration::from_millis(50) };
    for text in ["", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"] {
        let (listener, base) = listen().await;
        let server = tokio::spawn(async move {
            let mut stream = listener.accept().await.unwrap().0;
            stream.write_all(text.as_bytes()).await.unwrap();
            stream.read_to_end(&mut Vec::new()).await
        });
        let error = Fetcher::with_patience(1, patience).get(&base, "/f", None).await.unwrap_err();
        assert!(matches!(error.cause, FetchCause::Silent(_)), "{error}");
        server.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn where_nobody_listens_there_is_no_connection() {
    let (listener, base) = listen().await;
    drop(listener);
    let error = Fetcher::new(1).get(&base, "/f", None).await.unwrap_err();
    assert!(error.to_string().starts_with(&format!("{base}/f: no connection: ")), "{error}");
}

#[tokio::test]
async fn only_plain_urls_are_asked() {
    let fetcher = Fetcher::new(1);
    for base in [
        "",
        "127.0.0.1:80",
        "https://127.0.0.1:80",
        "http://127.0.0.1",
        "http://:80",
        "http://h:x",
        "http://u@h:80",
        "http://h:80/x",
    ] {
        let error = fetcher.get(base, "/f", None).await.unwrap_err();
        assert!(matches!(error.cause, FetchCause::Url), "{base}: {error}");
    }
    for path in ["", "f", "/a b", "/a\r\nX: y", "/ä"] {
        let error = fetcher.get("http://127.0.0.1:1", path, None).await.unwrap_err();
        assert!(matches!(error.cause, FetchCause::Url), "{path}: {error}");
    }
    assert_eq!(fetcher.get("http://127.0.0.1:1", "/f", Some(5..5)).await.unwrap(), b"", "nothing is asked for");
}
