use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::{TcpListener, TcpStream};

fn secret() -> Secret {
    Secret::generate().unwrap()
}

/// A stream to a server that knows `secret`, and what becomes of the connection there.
fn server_with(secret: &Secret) -> (DuplexStream, tokio::task::JoinHandle<Result<(), Refused>>) {
    let (here, mut there) = duplex(UNAUTHENTICATED_LIMIT);
    let secret = secret.clone();
    (here, tokio::spawn(async move { greet_as_server(&mut there, &secret, &Refusals::default()).await }))
}

/// The same for a client.
fn client_with(secret: &Secret) -> (DuplexStream, tokio::task::JoinHandle<Result<(), Refused>>) {
    let (here, mut there) = duplex(UNAUTHENTICATED_LIMIT);
    let secret = secret.clone();
    (here, tokio::spawn(async move { greet_as_client(&mut there, &secret).await }))
}

/// Passes all messages of an honest handshake on and returns what the client and the server said.
async fn recorded(secret: &Secret) -> (Vec<Message>, Vec<Message>) {
    let (mut to_client, client) = client_with(secret);
    let (mut to_server, server) = server_with(secret);
    let (mut of_client, mut of_server) = (Vec::new(), Vec::new());
    for _ in 0..2 {
        of_client.push(receive(&mut to_client).await.unwrap());
        send(&mut to_server, of_client[of_client.len() - 1]).await.unwrap();
        of_server.push(receive(&mut to_server).await.unwrap());
        send(&mut to_client, of_server[of_server.len() - 1]).await.unwrap();
    }
    client.await.unwrap().unwrap();
    server.await.unwrap().unwrap();
    (of_client, of_server)
}

#[tokio::test]
async fn who_knows_the_secret_is_welcome_and_the_stream_goes_on() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    let (secret, refusals) = (secret(), Refusals::default());
    let (welcome, greeted) =
        tokio::join!(greet_as_client(&mut client, &secret), greet_as_server(&mut server, &secret, &refusals));
    welcome.unwrap();
    greeted.unwrap();
    write_frame(&mut client, b"first message").await.unwrap();
    assert_eq!(read_frame(&mut server, 100).await.unwrap().unwrap(), b"first message");
    assert!(Cause::ALL.iter().all(|&cause| refusals.count(cause) == 0));
}

/// Connects over TCP, sends some bytes and returns how the server took them, what it counted, and its last answer.
async fn over_tcp(bytes: &[u8]) -> (Refused, Cause, Result<Message, Refused>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (mut stream, _) = listener.accept().await.unwrap();
    let server = tokio::spawn(async move {
        let refusals = Refusals::default();
        let refused = greet_as_server(&mut stream, &secret(), &refusals).await.unwrap_err();
        let counted: Vec<Cause> = Cause::ALL.into_iter().filter(|&cause| refusals.count(cause) == 1).collect();
        (refused, counted)
    });
    client.write_all(bytes).await.unwrap();
    client.shutdown().await.unwrap();
    let answer = receive(&mut client).await;
    drop(client);
    let (refused, counted) = server.await.unwrap();
    assert_eq!(counted.len(), 1, "each refusal is counted once: {counted:?}");
    (refused, counted[0], answer)
}

async fn framed(message: Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    send(&mut bytes, message).await.unwrap();
    bytes
}

#[tokio::test]
async fn another_secret_is_refused_on_both_sides() {
    let (mut client, server) = server_with(&secret());
    let refused = greet_as_client(&mut client, &secret()).await.unwrap_err();
    assert_eq!(refused.to_string(), "the peer does not know the secret of this application");
    drop(client);
    let refused = server.await.unwrap().unwrap_err();
    assert_eq!(refused.to_string(), "the peer refused the connection: wrong secret");
    assert_eq!(refused.cause(), Cause::Secret, "counted as what it is");
}

#[tokio::test]
async fn a_client_that_guesses_is_told_so() {
    let (mut client, server) = server_with(&secret());
    send(&mut client, Message::Hello([1; 32])).await.unwrap();
    receive(&mut client).await.unwrap();
    send(&mut client, Message::Proof([2; 16])).await.unwrap();
    assert!(matches!(receive(&mut client).await, Err(Refused::ByPeer(Cause::Secret))));
    drop(client);
    assert!(matches!(server.await.unwrap(), Err(Refused::WrongSecret)));
}

#[tokio::test]
async fn another_version_is_refused_with_both_named() {
    let mut hello = framed(Message::Hello([1; 32])).await;
    hello[4] = 2;
    let (refused, cause, answer) = over_tcp(&hello).await;
    assert_eq!(refused.to_string(), "the peer speaks version 2 of dpark's protocol where 1 is expected");
    assert_eq!(cause, Cause::Version);
    let told = answer.err().unwrap().to_string();
    assert_eq!(told, "the peer refused the connection: wrong version of the protocol");
}

#[tokio::test]
async fn garbage_and_messages_out_of_turn_are_refused() {
    let long = [&b"dprk\x01\0"[..], &5000u32.to_le_bytes(), &[0; 5004]].concat();
    let out_of_turn = [Message::Proof([0; 16]), Message::Welcome, Message::Challenge([0; 32], [0; 16])];
    let mut bad = vec![b"GET / HTTP/1.1\r\n\r\n".to_vec(), long];
    for message in out_of_turn {
        bad.push(framed(message).await);
    }
    for payload in [&[][..], &[0], &[9, 9], &[1; 32], &[1; 34], &[5, 77], &[5]] {
        let mut bytes = Vec::new();
        write_frame(&mut bytes, payload).await.unwrap();
        bad.push(bytes);
    }
    for bytes in bad {
        let (refused, cause, answer) = over_tcp(&bytes).await;
        assert_eq!(cause, Cause::Frame, "{refused}");
        assert!(matches!(answer, Err(Refused::ByPeer(Cause::Frame))), "{}", bytes.escape_ascii());
    }
}

#[tokio::test]
async fn a_handshake_cut_off_anywhere_is_refused() {
    let hello = framed(Message::Hello([1; 32])).await;
    for n in 0..=hello.len() {
        let (mut client, server) = server_with(&secret());
        client.write_all(&hello[..n]).await.unwrap();
        drop(client);
        let refused = server.await.unwrap().unwrap_err();
        assert_eq!(refused.cause(), Cause::Frame, "{n} bytes: {refused}");
    }
    let secret = secret();
    let challenge = framed(recorded(&secret).await.1[0]).await;
    for n in 0..challenge.len() {
        let (mut server, client) = client_with(&secret);
        server.write_all(&challenge[..n]).await.unwrap();
        drop(server);
        assert_eq!(client.await.unwrap().unwrap_err().cause(), Cause::Frame, "{n} bytes");
    }
}

#[tokio::test]
async fn what_was_recorded_is_worth_nothing_later() {
    let secret = secret();
    let (of_client, of_server) = recorded(&secret).await;

    let (mut client, server) = server_with(&secret);
    send(&mut client, of_client[0]).await.unwrap();
    receive(&mut client).await.unwrap();
    send(&mut client, of_client[1]).await.unwrap();
    assert!(matches!(receive(&mut client).await, Err(Refused::ByPeer(Cause::Secret))));
    drop(client);
    assert!(matches!(server.await.unwrap(), Err(Refused::WrongSecret)));

    let (mut server, client) = client_with(&secret);
    receive(&mut server).await.unwrap();
    send(&mut server, of_server[0]).await.unwrap();
    assert!(matches!(receive(&mut server).await, Err(Refused::ByPeer(Cause::Secret))));
    drop(server);
    assert!(matches!(client.await.unwrap(), Err(Refused::WrongSecret)));
}

/// Someone without the secret has the server make codes, on the same or on another connection, and hands them in.
#[tokio::test]
async fn the_servers_own_answers_prove_nothing_to_it() {
    let secret = secret();
    for second_connection in [false, true] {
        let (mut client, server) = server_with(&secret);
        send(&mut client, Message::Hello([1; 32])).await.unwrap();
        let Message::Challenge(nonce, mut mac) = receive(&mut client).await.unwrap() else { panic!("no challenge") };
        if second_connection {
            let (mut other, _) = server_with(&secret);
            send(&mut other, Message::Hello(nonce)).await.unwrap();
            let Message::Challenge(_, reflected) = receive(&mut other).await.unwrap() else { panic!("no challenge") };
            mac = reflected;
        }
        send(&mut client, Message::Proof(mac)).await.unwrap();
        assert!(matches!(receive(&mut client).await, Err(Refused::ByPeer(Cause::Secret))));
        drop(client);
        assert!(matches!(server.await.unwrap(), Err(Refused::WrongSecret)));
    }
}

#[tokio::test]
async fn a_client_that_is_sent_its_own_words_refuses() {
    let (mut server, client) = client_with(&secret());
    let hello = receive(&mut server).await.unwrap();
    send(&mut server, hello).await.unwrap();
    assert!(matches!(receive(&mut server).await, Err(Refused::ByPeer(Cause::Frame))));
    drop(server);
    assert!(matches!(client.await.unwrap(), Err(Refused::Unexpected)));
}

#[tokio::test]
async fn the_secret_is_not_on_the_wire() {
    let secret = secret();
    let (of_client, of_server) = recorded(&secret).await;
    let bytes: Vec<u8> = of_client.into_iter().chain(of_server).flat_map(Message::to_bytes).collect();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(!hex.contains(&secret.to_hex()[..16]));
}

#[tokio::test]
async fn a_silent_peer_is_left_on_either_side() {
    let patience = Duration::from_millis(20);
    for role in [Role::Client, Role::Server] {
        let (mut silent, mut stream) = duplex(UNAUTHENTICATED_LIMIT);
        let greeting = tokio::spawn(async move { greet(role, &mut stream, &secret(), patience).await });
        let mut heard = Vec::new();
        silent.read_to_end(&mut heard).await.unwrap();
        drop(silent);
        let refused = greeting.await.unwrap().unwrap_err();
        assert!(matches!(refused, Refused::Silent(_)), "{refused}");
        assert!(heard.ends_with(&framed(Message::Refused(Cause::Silence)).await));
    }
}
