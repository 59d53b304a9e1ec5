//! What the guest's memory is restored from: opened while the keeper is root and sees the host, and
//! checked, so that a VM is not begun whose memory is not all there.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use confine::{Failure, Result, WhileDoing};
use memory_format::{LayerId, Map, WorkingSet};
use rustix::fs::{Mode as FileMode, OFlags};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::guest_memory::Mode;
use super::settings::Settings;
use crate::generation::open_file;

/// Open files, and what was read of them.
pub struct Source {
    pub mode: Mode,
    pub map: Arc<Map>,
    /// Those that the map names, in the order of their ids.
    pub layers: Vec<Layer>,
    pub state: Option<File>,
    /// Empty if there is none, or one that cannot be used, and why not: a resume without it is
    /// slower, and that is all.
    pub working_set: WorkingSet,
    pub without_working_set: Option<Failure>,
    pub save_folder: OwnedFd,
    /// `/dev/userfaultfd`, in paged mode.
    pub userfaultfd: Option<OwnedFd>,
}

/// A layer's file, which never changes.
pub struct Layer {
    pub id: LayerId,
    pub file: File,
    /// How much of it the map needs: it is at least this long.
    pub needed: u64,
}

impl Source {
    /// Opens it all. `uid` is whom the keeper will be when it saves.
    pub fn open(settings: &Settings, uid: u32) -> Result<Self> {
        let map = match &settings.map {
            Some(path) => read_map(path, settings.size_bytes)?,
            None => Map::zero(settings.size_bytes),
        };
        let state = settings.state.as_deref().map(open_file).transpose()?;
        let working_set = settings.working_set.as_deref();
        let working_set = working_set.map(|path| read_working_set(path, settings.size_bytes));
        let (working_set, without_working_set) = match working_set.transpose() {
            Ok(set) => (set.unwrap_or_default(), None),
            Err(why) => (WorkingSet::new(), Some(why)),
        };
        Ok(Self {
            mode: settings.mode,
            layers: open_layers(&map, settings.layers.as_deref())?,
            state,
            working_set,
            without_working_set,
            save_folder: open_save_folder(&settings.save_folder, uid)?,
            userfaultfd: match settings.mode {
                Mode::Mapped => None,
                Mode::Paged => Some(open_userfaultfd()?),
            },
            map: Arc::new(map),
        })
    }
}

fn read_map(path: &Path, memory_size: u64) -> Result<Map> {
    let map = Map::read_from(open_file(path)?)
        .map_err(|error| Failure::new(format!("read the map {}: {error}", path.display())))?;
    if map.memory_size() == memory_size {
        Ok(map)
    } else {
        Err(Failure::new(format!(
            "the map {} is of {} bytes of memory, not {memory_size}",
            path.display(),
            map.memory_size()
        )))
    }
}

fn open_layers(map: &Map, folder: Option<&Path>) -> Result<Vec<Layer>> {
    let needed = map.layers();
    allow_descriptors_for(needed.len())?;
    let open = |(id, needed): (LayerId, u64)| {
        let folder = folder.ok_or_else(|| {
            Failure::new("the map names layers, but the configuration no folder with them")
        })?;
        let path = folder.join(id.file_name());
        let file = open_file(&path)?;
        let length = file
            .metadata()
            .while_doing(|| format!("look at {}", path.display()))?
            .len();
        if length < needed {
            return Err(Failure::new(format!(
                "the layer {} has {length} bytes, but the map needs {needed}",
                path.display()
            )));
        }
        Ok(Layer { id, file, needed })
    };
    needed.into_iter().map(open).collect()
}

/// A long line of generations has more layers than the usual limit of 1024 allows descriptors. Each
/// layer has four for a moment: the keeper's two, and in the VMM's process one on its way to its
/// number, and that one.
fn allow_descriptors_for(layers: usize) -> Result<()> {
    const OTHERS: u64 = 1024;
    let needed = OTHERS + 4 * layers as u64;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    let limit = Rlimit {
        current: Some(needed),
        maximum: limit.maximum.map(|maximum| maximum.max(needed)),
    };
    setrlimit(Resource::Nofile, limit)
        .while_doing(|| format!("allow the descriptors that {layers} layers need"))
}

fn read_working_set(path: &Path, memory_size: u64) -> Result<WorkingSet> {
    WorkingSet::read_from(open_file(path)?, memory_size)
        .map_err(|error| Failure::new(format!("read {}: {error}", path.display())))
}

/// A frozen guest's memory is for nobody's eyes, and whoever could write there could put something
/// else in its place.
fn open_save_folder(path: &Path, uid: u32) -> Result<OwnedFd> {
    let what = || format!("open the folder {}", path.display());
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = rustix::fs::open(path, flags, FileMode::empty()).while_doing(what)?;
    let facts = rustix::fs::fstat(&folder).while_doing(what)?;
    if facts.st_uid == uid && FileMode::from_raw_mode(facts.st_mode) == FileMode::RWXU {
        Ok(folder)
    } else {
        Err(Failure::new(format!(
            "{} must belong to {uid}, with mode 0700",
            path.display()
        )))
    }
}

fn open_userfaultfd() -> Result<OwnedFd> {
    rustix::fs::open(
        "/dev/userfaultfd",
        OFlags::RDWR | OFlags::CLOEXEC,
        FileMode::empty(),
    )
    .while_doing(|| "open /dev/userfaultfd, which paged memory needs".into())
}
