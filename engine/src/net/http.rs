//! The little of HTTP/1.1 that moving files takes, for both sides: heads of requests and answers, and ranges.

use std::io;
use std::ops::Range;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};

/// The most bytes of a head.
const HEAD_LIMIT: usize = 8 << 10;
/// The most headers in it.
const MOST_HEADERS: usize = 64;

/// Reads a head with the empty line that ends it; none if the stream ends before it. Too long a head is invalid data.
pub(super) async fn read_head(stream: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Vec<u8>>> {
    let mut head = Vec::new();
    let mut stream = stream.take(HEAD_LIMIT as u64);
    loop {
        let line = stream.read_until(b'\n', &mut head).await?;
        if head.is_empty() {
            return Ok(None);
        }
        if line == 0 || !head.ends_with(b"\n") {
            return Err(match stream.limit() {
                0 => io::Error::new(io::ErrorKind::InvalidData, format!("a head is longer than {HEAD_LIMIT} bytes")),
                _ => io::Error::new(io::ErrorKind::UnexpectedEof, "a head was cut off"),
            });
        }
        if matches!(&head[head.len() - line..], b"\r\n" | b"\n") {
            return Ok(Some(head));
        }
    }
}

/// A request for a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// What the request names, as it was sent.
    pub(super) path: String,
    /// Whether the file itself is wanted, not just the head of the answer.
    pub(super) with_body: bool,
    pub(super) range: Option<AskedRange>,
    /// Whether another request may follow.
    pub(super) keep_alive: bool,
}

/// The bytes that a request asks for, from the first to the last one, or to the end of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AskedRange {
    first: u64,
    last: Option<u64>,
}

impl AskedRange {
    /// Of the one form that is served, `bytes=a-b` with an optional b.
    fn parse(value: &str) -> Option<AskedRange> {
        let (first, last) = value.strip_prefix("bytes=")?.split_once('-')?;
        let first = number(first)?;
        let last = if last.is_empty() { None } else { Some(number(last)?) };
        last.is_none_or(|last| first <= last).then_some(AskedRange { first, last })
    }

    /// The part of it that a file of some length has; none if it begins behind the end.
    pub(super) fn within(self, length: u64) -> Option<Range<u64>> {
        let end = self.last.map_or(length, |last| last.saturating_add(1).min(length));
        (self.first < length).then_some(self.first..end)
    }
}

/// Understands a request, or tells what is wrong with it.
pub(super) fn parse_request(head: &[u8]) -> Result<Request, &'static str> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let (Ok(httparse::Status::Complete(_)), Some(method), Some(path), Some(minor)) =
        (request.parse(head), request.method, request.path, request.version)
    else {
        return Err("this is no HTTP request");
    };
    let with_body = match method {
        "GET" => true,
        "HEAD" => false,
        _ => return Err("only GET and HEAD are served"),
    };
    let mut range = None;
    let mut keep_alive = minor == 1;
    for header in &*request.headers {
        let value = text(header)?;
        if is(header, "range") {
            let asked = AskedRange::parse(value).ok_or("only one range of the form bytes=a-b is served")?;
            if range.replace(asked).is_some() {
                return Err("only one range is served");
            }
        } else if is(header, "connection") {
            keep_alive = keeps_alive(value, keep_alive);
        } else if is(header, "transfer-encoding") || is(header, "content-length") && value != "0" {
            return Err("a request for a file has no body");
        }
    }
    Ok(Request { path: path.to_owned(), with_body, range, keep_alive })
}

/// The head of a server's answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) length: u64,
    /// The bytes of the file that it has.
    pub(super) range: Option<Range<u64>>,
    /// Whether another request may follow.
    pub(super) keep_alive: bool,
}

/// Understands the head of an answer, or tells what is wrong with it.
pub(super) fn parse_answer(head: &[u8]) -> Result<Answer, &'static str> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut answer = httparse::Response::new(&mut headers);
    let (Ok(httparse::Status::Complete(_)), Some(status), Some(minor)) =
        (answer.parse(head), answer.code, answer.version)
    else {
        return Err("it is no HTTP answer");
    };
    let mut length = None;
    let mut range = None;
    let mut keep_alive = minor == 1;
    for header in &*answer.headers {
        if is(header, "content-length") {
            let bytes = number(text(header)?).ok_or("its Content-Length is no number")?;
            if length.replace(bytes).is_some_and(|before| before != bytes) {
                return Err("it has two lengths");
            }
        } else if is(header, "content-range") && status == 206 {
            range = Some(content_range(text(header)?).ok_or("its Content-Range is not understood")?);
        } else if is(header, "connection") {
            keep_alive = keeps_alive(text(header)?, keep_alive);
        } else if is(header, "transfer-encoding") || is(header, "content-encoding") {
            return Err("it is encoded");
        }
    }
    let length = length.ok_or("it has no Content-Length")?;
    Ok(Answer { status, length, range, keep_alive })
}

/// The range in `bytes a-b/length`.
fn content_range(value: &str) -> Option<Range<u64>> {
    let (range, _) = value.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    Some(number(first)?..number(last)?.checked_add(1)?)
}

fn is(header: &httparse::Header<'_>, name: &str) -> bool {
    header.name.eq_ignore_ascii_case(name)
}

fn text<'a>(header: &httparse::Header<'a>) -> Result<&'a str, &'static str> {
    str::from_utf8(header.value).map_err(|_| "a header is no text")
}

fn keeps_alive(connection: &str, otherwise: bool) -> bool {
    let has = |word: &str| connection.split(',').any(|option| option.trim().eq_ignore_ascii_case(word));
    !has("close") && (otherwise || has("keep-alive"))
}

/// Digits only: the standard parser takes a sign too.
fn number(digits: &str) -> Option<u64> {
    digits.bytes().all(|digit| digit.is_ascii_digit()).then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn heads_end_at_an_empty_line_and_are_limited() {
        let mut two = &b"GET / HTTP/1.1\r\nA: b\r\n\r\nGET /2 HTTP/1.1\n\n"[..];
        assert_eq!(read_head(&mut two).await.unwrap().unwrap(), b"GET / HTTP/1.1\r\nA: b\r\n\r\n");
        assert_eq!(read_head(&mut two).await.unwrap().unwrap(), b"GET /2 HTTP/1.1\n\n");
        assert!(read_head(&mut two).await.unwrap().is_none());
        for cut in [&b"GET"[..], b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\n\r"] {
            let error = read_head(&mut &*cut).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{}", cut.escape_ascii());
        }
        for endless in [vec![b'a'; 1 << 20], b"a: b\r\n".repeat(1 << 16), b"a: bcd\r\n".repeat(1 << 16)] {
            let error = read_head(&mut &endless[..]).await.unwrap_err();
            assert_eq!(error.to_string(), "a head is longer than 8192 bytes");
        }
    }

    fn request(lines: &str) -> Result<Request, &'static str> {
        parse_request(format!("{}\r\n\r\n", lines.replace('\n', "\r\n")).as_bytes())
    }

    #[test]
    fn requests_are_understood() {
        let plain = Request { path: "/a/b".to_owned(), with_body: true, range: None, keep_alive: true };
        assert_eq!(request("GET /a/b HTTP/1.1\nHost: h").unwrap(), plain);
        let head = request("HEAD /a/b HTTP/1.1\nconnection: Close\ncontent-length: 0").unwrap();
        assert_eq!(head, Request { with_body: false, keep_alive: false, ..plain });
        assert!(!request("GET / HTTP/1.0").unwrap().keep_alive);
        assert!(request("GET / HTTP/1.0\nConnection: x, keep-alive").unwrap().keep_alive);
        let range = request("GET / HTTP/1.1\nRANGE: bytes=5-9").unwrap().range.unwrap();
        assert_eq!((range.within(100), range.within(8), range.within(5)), (Some(5..10), Some(5..8), None));
        let open = request("GET / HTTP/1.1\nRange: bytes=5-").unwrap().range.unwrap();
        assert_eq!((open.within(100), open.within(5)), (Some(5..100), None));
    }

    #[test]
    fn what_is_not_served_is_refused() {
        for bad in [
            "",
            "GET",
            "GET /",
            "GET / HTTP/2.0",
            "POST / HTTP/1.1",
            "get / HTTP/1.1",
            "GET / HTTP/1.1\nno header",
            "GET / HTTP/1.1\nTransfer-Encoding: chunked",
            "GET / HTTP/1.1\nContent-Length: 5",
            "GET / HTTP/1.1\nRange: bytes=1-2\nRange: bytes=1-2",
        ] {
            request(bad).expect_err(bad);
        }
        for range in ["bytes=2-1", "bytes=-5", "bytes=1-2,4-5", "bytes=+1-2", "lines=1-2", "bytes=", "bytes=a-b", "1-2"]
        {
            request(&format!("GET / HTTP/1.1\nRange: {range}")).expect_err(range);
        }
        assert!(request(&format!("GET / HTTP/1.1{}", "\na: b".repeat(65))).is_err());
        assert!(parse_request(b"GET / HTTP/1.1\r\nRange: \xff\r\n\r\n").is_err());
    }

    fn answer(lines: &str) -> Result<Answer, &'static str> {
        parse_answer(format!("{}\r\n\r\n", lines.replace('\n', "\r\n")).as_bytes())
    }

    #[test]
    fn answers_are_understood() {
        let part = answer("HTTP/1.1 206 Partial Content\nContent-Length: 5\nContent-Range: bytes 5-9/100").unwrap();
        assert_eq!(part, Answer { status: 206, length: 5, range: Some(5..10), keep_alive: true });
        let gone = answer("HTTP/1.1 404 Not Found\nContent-Length: 0\nConnection: close").unwrap();
        assert_eq!(gone, Answer { status: 404, length: 0, range: None, keep_alive: false });
        for bad in [
            "SMTP ready",
            "HTTP/1.1 200 OK",
            "HTTP/1.1 200 OK\nContent-Length: -1",
            "HTTP/1.1 200 OK\nContent-Length: 1\nContent-Length: 2",
            "HTTP/1.1 200 OK\nContent-Length: 1\nTransfer-Encoding: chunked",
            "HTTP/1.1 200 OK\nContent-Length: 1\nContent-Encoding: gzip",
            "HTTP/1.1 206 OK\nContent-Length: 1\nContent-Range: 1",
            "HTTP/1.1 206 OK\nContent-Length: 1\nContent-Range: bytes 1-18446744073709551615/1",
        ] {
            answer(bad).expect_err(bad);
        }
    }
}
