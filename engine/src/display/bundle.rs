//! One thing in several forms.

use super::base64;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One thing in several forms, each under its MIME type. Begin with [`MimeBundle::new`] and add forms; a text should be
/// among them, for terminals and for whoever reads the notebook elsewhere.
///
/// ```
/// let bundle = dpark::MimeBundle::new().html("<b>42</b>").text("42");
/// assert_eq!(bundle.plain(), "42");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MimeBundle {
    forms: BTreeMap<String, Form>,
}

/// What stands under a MIME type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Form {
    /// A text; a picture of bytes in base64.
    Text(String),
    /// A JSON document.
    Json(String),
}

impl MimeBundle {
    /// A bundle without forms.
    ///
    /// ```
    /// assert_eq!(dpark::MimeBundle::new().plain(), "nothing");
    /// ```
    pub fn new() -> MimeBundle {
        MimeBundle::default()
    }

    /// Adds `text/plain`.
    ///
    /// ```
    /// assert_eq!(dpark::MimeBundle::new().text("1").plain(), "1");
    /// ```
    pub fn text(self, text: impl Into<String>) -> MimeBundle {
        self.with("text/plain", text)
    }

    /// Adds `text/html`. A notebook that is not trusted shows no scripts, style elements and inline SVG.
    ///
    /// ```
    /// assert!(dpark::MimeBundle::new().html("<b>1</b>").forms().contains_key("text/html"));
    /// ```
    pub fn html(self, html: impl Into<String>) -> MimeBundle {
        self.with("text/html", html)
    }

    /// Adds `text/markdown`.
    ///
    /// ```
    /// assert!(dpark::MimeBundle::new().markdown("*1*").forms().contains_key("text/markdown"));
    /// ```
    pub fn markdown(self, markdown: impl Into<String>) -> MimeBundle {
        self.with("text/markdown", markdown)
    }

    /// Adds `text/latex`.
    ///
    /// ```
    /// assert!(dpark::MimeBundle::new().latex("$x^2$").forms().contains_key("text/latex"));
    /// ```
    pub fn latex(self, latex: impl Into<String>) -> MimeBundle {
        self.with("text/latex", latex)
    }

    /// Adds an SVG picture: as `image/svg+xml` and, unless there is another `text/html`, as an image in HTML, which
    /// notebooks show before anybody has trusted them.
    ///
    /// ```
    /// let picture = dpark::MimeBundle::new().svg("<svg xmlns='http://www.w3.org/2000/svg'/>");
    /// assert!(picture.forms().contains_key("image/svg+xml") && picture.forms().contains_key("text/html"));
    /// ```
    pub fn svg(mut self, svg: impl Into<String>) -> MimeBundle {
        let svg = svg.into();
        let image = || Form::Text(format!("<img src=\"data:image/svg+xml;base64,{}\"/>", base64(svg.as_bytes())));
        self.forms.entry("text/html".to_owned()).or_insert_with(image);
        self.with("image/svg+xml", svg)
    }

    /// Adds a PNG picture, as the bytes of its file.
    ///
    /// ```
    /// assert!(dpark::MimeBundle::new().png(b"\x89PNG").forms().contains_key("image/png"));
    /// ```
    pub fn png(self, bytes: &[u8]) -> MimeBundle {
        self.with("image/png", base64(bytes))
    }

    /// Adds a JPEG picture, as the bytes of its file.
    ///
    /// ```
    /// assert!(dpark::MimeBundle::new().jpeg(b"\xff\xd8").forms().contains_key("image/jpeg"));
    /// ```
    pub fn jpeg(self, bytes: &[u8]) -> MimeBundle {
        self.with("image/jpeg", base64(bytes))
    }

    /// Adds any other text form, or another text in place of one.
    ///
    /// # Panics
    /// If `mime` is no MIME type, such as `text/csv`.
    ///
    /// ```
    /// let bundle = dpark::MimeBundle::new().with("text/csv", "a,b");
    /// assert!(bundle.forms().contains_key("text/csv"));
    /// ```
    pub fn with(self, mime: &str, text: impl Into<String>) -> MimeBundle {
        self.form(mime, Form::Text(text.into()))
    }

    /// Adds a JSON form, from anything that serde can serialise (a chart of Vega-Lite or Plotly, for one).
    ///
    /// # Panics
    /// If `mime` is no MIME type.
    ///
    /// ```
    /// let chart = std::collections::BTreeMap::from([("mark", "bar")]);
    /// let bundle = dpark::MimeBundle::new().json("application/vnd.vegalite.v5+json", &chart)?;
    /// assert_eq!(bundle.plain(), "application/vnd.vegalite.v5+json");
    /// # Ok::<(), dpark::Error>(())
    /// ```
    pub fn json(self, mime: &str, value: &impl Serialize) -> crate::Result<MimeBundle> {
        let json = serde_json::to_string(value)
            .map_err(|error| crate::Error::Invalid(format!("{mime}: not serialisable: {error}")))?;
        Ok(self.form(mime, Form::Json(json)))
    }

    /// The forms by MIME type.
    ///
    /// ```
    /// assert_eq!(dpark::MimeBundle::from("a").forms().len(), 1);
    /// ```
    pub fn forms(&self) -> &BTreeMap<String, Form> {
        &self.forms
    }

    /// The text form; without one, the names of the others.
    ///
    /// ```
    /// assert_eq!(dpark::MimeBundle::new().png(b"").plain(), "image/png");
    /// ```
    pub fn plain(&self) -> String {
        match self.forms.get("text/plain") {
            Some(Form::Text(text) | Form::Json(text)) => text.clone(),
            None if self.forms.is_empty() => "nothing".to_owned(),
            None => self.forms.keys().cloned().collect::<Vec<_>>().join(", "),
        }
    }

    fn form(mut self, mime: &str, form: Form) -> MimeBundle {
        assert!(is_mime_type(mime), "`{mime}` is no MIME type");
        self.forms.insert(mime.to_owned(), form);
        self
    }
}

impl From<&str> for MimeBundle {
    fn from(text: &str) -> MimeBundle {
        MimeBundle::new().text(text)
    }
}

impl From<String> for MimeBundle {
    fn from(text: String) -> MimeBundle {
        MimeBundle::new().text(text)
    }
}

fn is_mime_type(text: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-+._".contains(&byte))
    };
    text.split_once('/').is_some_and(|(kind, name)| is_word(kind) && is_word(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_of_the_users_own_goes_before_that_of_a_picture() {
        let html = |bundle: &MimeBundle| bundle.forms()["text/html"].clone();
        let own = Form::Text("<p>".to_owned());
        assert_eq!(html(&MimeBundle::new().html("<p>").svg("<svg/>")), own);
        assert_eq!(html(&MimeBundle::new().svg("<svg/>").html("<p>")), own);
        let image = "<img src=\"data:image/svg+xml;base64,PHN2Zy8+\"/>";
        assert_eq!(html(&MimeBundle::new().svg("<svg/>")), Form::Text(image.to_owned()));
    }

    #[test]
    #[should_panic(expected = "`text` is no MIME type")]
    fn nonsense_is_no_mime_type() {
        let _ = MimeBundle::new().with("text", "");
    }
}
