//! The terminal of a process: a pseudo-terminal whose other side is ours.
//!
//! The kernel does what a terminal is expected to do: it echoes, turns Ctrl-C into a signal to the foreground job, tells it of a new
//! size, and hangs up when the process that leads the session ends.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{Mode, fchmod, fchown};
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{
    InputModes, OptionalActions, Winsize, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize,
};

use crate::users::User;

/// What its owner may do, and those who write to all terminals.
const MODE: Mode = Mode::from_raw_mode(0o620);

/// How large a terminal is; 0 where the client does not say.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    pub columns: u16,
    pub rows: u16,
}

impl Size {
    /// Of a terminal of which nobody says: programs cannot draw on one of no size.
    const USUAL: Self = Self {
        columns: 80,
        rows: 24,
    };
}

/// Both sides of a new terminal: ours, and the user's.
pub fn open(size: Size, user: &User) -> io::Result<(OwnedFd, OwnedFd)> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let ours = openpt(flags)?;
    unlockpt(&ours)?;
    // By descriptor: which name it has, and whether one can be looked up at all, does not matter.
    let theirs = ioctl_tiocgptpeer(&ours, flags)?;
    // Programs open it again by its name, as the user.
    fchown(&theirs, Some(user.uid), None)?;
    fchmod(&theirs, MODE)?;
    let mut modes = tcgetattr(&theirs)?;
    // Erasing a character erases all of its bytes.
    modes.input_modes |= InputModes::IUTF8;
    tcsetattr(&theirs, OptionalActions::Now, &modes)?;
    resize(&ours, filled(size, Size::USUAL))?;
    Ok((ours, theirs))
}

/// Gives it another size, of which the foreground job is told.
pub fn resize(terminal: impl AsFd, size: Size) -> io::Result<()> {
    let mut window = tcgetwinsize(&terminal)?;
    let now = Size {
        columns: window.ws_col,
        rows: window.ws_row,
    };
    let size = filled(size, now);
    window = Winsize {
        ws_col: size.columns,
        ws_row: size.rows,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    Ok(tcsetwinsize(&terminal, window)?)
}

fn filled(size: Size, otherwise: Size) -> Size {
    let or = |said, otherwise| if said == 0 { otherwise } else { said };
    Size {
        columns: or(size.columns, otherwise.columns),
        rows: or(size.rows, otherwise.rows),
    }
}
