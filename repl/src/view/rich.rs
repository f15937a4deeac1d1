//! The rich forms of the views for notebooks: pure functions from a snapshot, or from a value, to a [`Bundle`] of a text,
//! HTML and facts.
//!
//! The HTML is right in a notebook that nobody has trusted, too: no script, no style element, no inline SVG. A picture
//! is an image that has its SVG in the address, and styles are among those that JupyterLab's sanitiser keeps. What comes
//! from user code is escaped. Colours of text are left to the page's theme, images have colours of their own.

mod card;
mod facts;
mod headline;
mod job;
mod progress;
mod rows;
mod sheets;

pub use card::{context, lineage, rdd};
pub use job::{after, job};
pub use progress::progress;
pub use rows::rows;
pub use sheets::{cache, executors, jobs, stages};

use super::{Names, html};
use dpark::show::Shown;
use dpark::status::Snapshot;

/// The MIME type of [`Bundle::json`].
pub const JOB_MIME: &str = "application/vnd.dpark.job.v1+json";

/// One view in the forms that a front end may choose from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// `text/plain`.
    pub plain: String,
    /// `text/html`; none where the text says it all.
    pub html: Option<String>,
    /// [`JOB_MIME`]: the facts of jobs for programs.
    pub json: Option<serde_json::Value>,
}

impl Bundle {
    /// A text that needs no other form.
    pub fn text(plain: String) -> Bundle {
        Bundle { plain, html: None, json: None }
    }

    /// A text that is drawn with more care in HTML.
    pub(crate) fn of(plain: String, html: String) -> Bundle {
        Bundle { plain, html: Some(html), json: None }
    }

    /// A text view as it is: HTML would take apart what stands below each other.
    pub(crate) fn preformatted(plain: String) -> Bundle {
        let html = html::text(&plain);
        Bundle::of(plain, html)
    }
}

impl From<Bundle> for dpark::MimeBundle {
    fn from(bundle: Bundle) -> dpark::MimeBundle {
        let mut forms = dpark::MimeBundle::new().text(bundle.plain);
        if let Some(html) = bundle.html {
            forms = forms.html(html);
        }
        match bundle.json.map(|json| forms.clone().json(JOB_MIME, &json)) {
            Some(Ok(with_facts)) => with_facts,
            _ => forms,
        }
    }
}

/// The value of a cell's last expression. `width` is that of the text form, in columns.
pub fn shown(shown: &Shown, snapshot: &Snapshot, names: &Names, width: Option<usize>) -> Bundle {
    match shown {
        Shown::Table { columns, rows, total } => self::rows(columns, rows, *total, width),
        Shown::Text(text) => Bundle::text(text.clone()),
        Shown::Rdd(id) => rdd(snapshot, *id, names),
        Shown::Context(card) => context(card),
        Shown::Bundle(bundle) => Bundle::text(bundle.plain()),
    }
}

#[cfg(test)]
mod tests;
