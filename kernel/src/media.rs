//! Bundles as the protocol writes them.

use dpark::MimeBundle;
use dpark::display::Form;
use jupyter_protocol::media::{Media, MediaType};
use serde_json::Value;

/// The forms of a bundle; a text is always among them.
pub fn media(bundle: &MimeBundle) -> Media {
    let value = |form: &Form| match form {
        Form::Text(text) => Value::String(text.clone()),
        Form::Json(text) => serde_json::from_str(text).unwrap_or(Value::Null),
    };
    let mut content: Vec<MediaType> =
        bundle.forms().iter().map(|(mime, form)| MediaType::Other((mime.clone(), value(form)))).collect();
    if !bundle.forms().contains_key("text/plain") {
        content.push(MediaType::Plain(bundle.plain()));
    }
    Media { content }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_strings_and_json_is_json() {
        let chart = MimeBundle::new().json("application/vnd.x+json", &vec![1, 2]).unwrap().html("<p>");
        let written = serde_json::to_value(media(&chart)).unwrap();
        let expected = serde_json::json!({
            "application/vnd.x+json": [1, 2],
            "text/html": "<p>",
            "text/plain": "application/vnd.x+json, text/html",
        });
        assert_eq!(written, expected);
    }
}
