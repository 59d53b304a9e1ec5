//! What the command line of `roost-confine` promises, tried with the machine's own shell. Needs
//! root.

mod files;
mod lifetime;
mod support;
mod user;
