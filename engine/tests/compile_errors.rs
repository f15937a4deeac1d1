//! What rustc tells users whose program is not one: the messages are written for them, so they are kept. After a change
//! that is meant, `TRYBUILD=overwrite cargo test -p dpark --test compile_errors` writes them anew.

#[test]
fn messages_are_written_for_users() {
    trybuild::TestCases::new().compile_fail("tests/compile_errors/*.rs");
}
