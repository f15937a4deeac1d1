//! Control messages to bytes and back. The one module that knows bincode.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The bytes of a control message.
pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, String> {
    bincode::serde::encode_to_vec(message, bincode::config::standard()).map_err(|error| error.to_string())
}

/// A control message from its bytes.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    match bincode::serde::decode_from_slice(bytes, bincode::config::standard()) {
        Ok((message, read)) if read == bytes.len() => Ok(message),
        Ok((_, read)) => Err(format!("{} bytes left over", bytes.len() - read)),
        Err(error) => Err(error.to_string()),
    }
}
