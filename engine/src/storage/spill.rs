//! Moving a block from memory to disk.

use super::block_file::BlockFile;
use super::cache::BlockId;
use super::chunk::Encoder;
use super::scratch::ScratchWriter;
use super::work_dir::WorkDir;
use crate::batch::Batch;
use crate::codec::CodecVt;

/// Writes the rows of a block to a file.
pub(crate) fn write_block(
    work_dir: &WorkDir,
    id: BlockId,
    rows: &Batch,
    codec: &'static CodecVt,
) -> Result<BlockFile, String> {
    let failed = |error: std::io::Error| error.to_string();
    let mut writer = ScratchWriter::create(work_dir, id).map_err(failed)?;
    let mut encoder = Encoder::new(codec);
    let mut at = 0;
    while at < rows.rows() {
        at += encoder.add(rows, at).map_err(|failure| failure.to_string())?;
        writer.write(&encoder.chunk()).map_err(failed)?;
        encoder.clear();
    }
    writer.finish().map_err(failed)
}
