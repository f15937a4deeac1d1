//! The files that an executor lets others read: on each of its disks a directory, which it serves over HTTP, if nginx does not.

use super::nginx;
use super::protocol::{Address, Served};
use crate::net::file_server::FileServer;
use crate::net::secret::unguessable;
use crate::storage::create_private;
use std::io;
use std::path::{Path, PathBuf};

/// See the module. With this value the server ends.
pub(super) struct Exports {
    pub(super) served: Vec<Served>,
    _server: FileServer,
}

impl Exports {
    /// Makes a directory for files below each of an executor's own, and serves them.
    pub(super) async fn open(directories: &[PathBuf]) -> Result<Exports, String> {
        let server = FileServer::start(None).await.map_err(|error| format!("the file server: {error}"))?;
        let mut served = Vec::new();
        let mut problem = None;
        for directory in directories {
            match export(directory, &server) {
                Ok(mut export) => {
                    // Its own server is asked when nginx fails.
                    let nginx = nginx::serving(&export.directory, server.addr().ip()).await;
                    export.addresses.splice(..0, nginx);
                    served.push(export);
                }
                Err(error) => {
                    let text = format!("{}: {error}", directory.display());
                    eprintln!("dpark executor: {text}");
                    problem = Some(text);
                }
            }
        }
        match problem {
            Some(problem) if served.is_empty() => Err(problem),
            _ => Ok(Exports { served, _server: server }),
        }
    }

    /// The directories.
    pub(super) fn directories(&self) -> Vec<PathBuf> {
        self.served.iter().map(|served| served.directory.clone()).collect()
    }
}

/// The name of the directory cannot be guessed, so that it may be served by whoever serves what is above it, too.
fn export(directory: &Path, server: &FileServer) -> io::Result<Served> {
    let name = unguessable()?;
    // In another root the launcher's directory is not there.
    std::fs::create_dir_all(directory)?;
    let files = directory.join(&name);
    create_private(&files)?;
    server.serve(name.clone(), &files)?;
    let own = Address { server: format!("http://{}", server.addr()), path: format!("/{name}") };
    Ok(Served { directory: files, addresses: vec![own] })
}
