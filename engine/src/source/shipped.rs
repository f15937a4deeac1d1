//! Sources on their way.

use super::LoadSource;
use super::text_file::ShippedText;
use crate::codec::{Reader, Writer};
use crate::node::SourceNode;
use crate::rdd::{Range, ShippedSlices};
use crate::ship::{CodeRef, Landing, ShipError, Shipper};
use crate::storage::{Checkpoint, ShippedCheckpoint};
use serde::{Deserialize, Serialize};

/// A source.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum ShippedSource {
    Range(Range),
    Slices(ShippedSlices),
    Text(ShippedText),
    Checkpoint(ShippedCheckpoint),
    /// One behind the trait `Source`: what makes it, and from what.
    Splits {
        load: CodeRef,
        bytes: Vec<u8>,
    },
}

impl ShippedSource {
    #[inline(never)]
    pub(super) fn splits(load: LoadSource, bytes: Writer, out: &mut Shipper) -> Result<ShippedSource, ShipError> {
        Ok(ShippedSource::Splits { load: out.code(load as usize)?, bytes: bytes.bytes })
    }

    /// The source, where it has arrived.
    pub(crate) fn land(self, landing: &Landing) -> Result<Box<dyn SourceNode>, ShipError> {
        Ok(match self {
            ShippedSource::Range(range) => Box::new(range),
            ShippedSource::Slices(slices) => slices.land(landing)?,
            ShippedSource::Text(text) => text.land(landing.context.clone()),
            ShippedSource::Checkpoint(checkpoint) => Box::new(Checkpoint::land(checkpoint, landing)?),
            ShippedSource::Splits { load, bytes } => {
                // SAFETY: the sender took the place from a function of this type, and the bytes from what it reads.
                unsafe { landing.function::<LoadSource>(load)?(&mut Reader::new(&bytes), landing.context.clone())? }
            }
        })
    }
}
