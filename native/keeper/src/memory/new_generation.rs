//! A generation's folder in the making: it exists whole, or not at all.
//!
//! Files are made in it by descriptor and never by following a link. Until it is kept, dropping it
//! takes it away with all that is in it.

mod new_file;

use std::os::fd::{AsFd, OwnedFd};

use confine::{Failure, Result, WhileDoing};
use memory_format::{LayerId, Map};
use rustix::fs::{AtFlags, Dir, Mode, OFlags};

pub use new_file::{NewFile, Written};

/// Where the layers are, and the names of the other two.
const LAYERS: &str = "memory";
const MAP: &str = "memory.map";
const STATE: &str = "vmstate";

/// A folder that is no generation yet.
pub struct NewGeneration {
    /// The folder which it is in.
    parent: OwnedFd,
    name: String,
    folder: OwnedFd,
    layers: OwnedFd,
    kept: bool,
}

impl NewGeneration {
    /// Makes the folder `name` in `parent`, where there must be none of that name.
    pub fn make(parent: &OwnedFd, name: &str) -> Result<Self> {
        let copy = parent
            .try_clone()
            .while_doing(|| "copy a descriptor".into())?;
        make_folder(parent, name)?;
        let open = || {
            let folder = open_folder(parent, name)?;
            make_folder(&folder, LAYERS)?;
            let layers = open_folder(&folder, LAYERS)?;
            Ok((folder, layers))
        };
        match open() {
            Ok((folder, layers)) => Ok(Self {
                name: name.into(),
                parent: copy,
                folder,
                layers,
                kept: false,
            }),
            Err(failure) => {
                let _ = take_away(parent, name);
                Err(failure)
            }
        }
    }

    /// A file for the device state.
    pub fn state(&self) -> Result<NewFile> {
        NewFile::make(&self.folder, STATE, STATE.into())
    }

    /// A file for a layer.
    pub fn layer(&self, id: LayerId) -> Result<NewFile> {
        let file_name = id.file_name();
        let name = format!("{LAYERS}/{file_name}");
        NewFile::make(&self.layers, &file_name, name)
    }

    /// Writes the map, takes `layer` away again if nothing is in it, and lets the disk have all that
    /// was written: these, and `others`. `check` is asked before that wait.
    pub fn complete(
        &self,
        map: &Map,
        layer: NewFile,
        others: Vec<NewFile>,
        check: impl Fn() -> Result<()>,
    ) -> Result<Vec<Written>> {
        let mut map_file = NewFile::make(&self.folder, MAP, MAP.into())?;
        map_file.put(&map.to_bytes())?;
        let mut files = others;
        files.push(map_file);
        match map.own_layer() {
            Some(_) => files.push(layer),
            None => layer.take_away(&self.layers)?,
        }
        files.iter_mut().try_for_each(NewFile::begin_sync)?;
        check()?;
        let mut written = self.sync(files)?;
        written.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(written)
    }

    /// All at once: the disk is as long busy with one small file as with all of them, if it hears of
    /// them together.
    fn sync(&self, files: Vec<NewFile>) -> Result<Vec<Written>> {
        std::thread::scope(|scope| {
            let what = || "start a thread".to_owned();
            let mut syncing = Vec::new();
            for file in files {
                let thread = std::thread::Builder::new().name("save-sync".into());
                syncing.push(
                    thread
                        .spawn_scoped(scope, move || file.sync())
                        .while_doing(what)?,
                );
            }
            let folders = [&self.layers, &self.folder].map(|folder| {
                rustix::fs::fsync(folder).while_doing(|| format!("fsync the folder {}", self.name))
            });
            folders.into_iter().collect::<Result<()>>()?;
            syncing
                .into_iter()
                .map(|file| {
                    file.join()
                        .unwrap_or_else(|_| Err(Failure::new("a thread that syncs has failed")))
                })
                .collect()
        })
    }

    /// It stays.
    pub fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for NewGeneration {
    fn drop(&mut self) {
        if !self.kept
            && let Err(failure) = take_away(&self.parent, &self.name)
        {
            eprintln!("roost-keeper: {failure}");
        }
    }
}

/// A name for a layer, which no other has.
pub fn new_layer_id() -> Result<LayerId> {
    let mut bytes = [0; 16];
    rustix::rand::getrandom(&mut bytes[..], rustix::rand::GetRandomFlags::empty())
        .while_doing(|| "make a layer's id".into())?;
    LayerId::from_bytes(bytes).ok_or_else(|| Failure::new("random bytes are all zero"))
}

/// Removes what is called `name` in `parent`, if there is something: a generation, whole or not.
pub fn take_away(parent: impl AsFd, name: &str) -> Result<()> {
    let folder = match open_folder(&parent, name) {
        Ok(folder) => folder,
        Err(_) => {
            return match rustix::fs::unlinkat(&parent, name, AtFlags::empty()) {
                Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
                Err(errno) => Err(errno).while_doing(|| format!("remove {name}")),
            };
        }
    };
    for entry in Dir::read_from(&folder).while_doing(|| format!("list {name}"))? {
        let entry = entry.while_doing(|| format!("list {name}"))?;
        let inner = entry.file_name().to_string_lossy();
        if inner != "." && inner != ".." {
            take_away(&folder, &inner)?;
        }
    }
    rustix::fs::unlinkat(&parent, name, AtFlags::REMOVEDIR).while_doing(|| format!("remove {name}"))
}

fn make_folder(parent: impl AsFd, name: &str) -> Result<()> {
    rustix::fs::mkdirat(parent, name, Mode::RWXU).while_doing(|| format!("make the folder {name}"))
}

fn open_folder(parent: impl AsFd, name: &str) -> Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(parent, name, flags, Mode::empty())
        .while_doing(|| format!("open the folder {name}"))
}
