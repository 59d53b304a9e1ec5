//! What docs/formats/keeper.md promises, tried with the real program and a shell in the VMM's
//! place. Needs root, ip (iproute2) and a static /bin/busybox.

mod clients;
mod configuration;
mod confinement;
mod death;
mod failed_saves;
mod generations;
mod hand_over;
mod hostile_clients;
mod inheritance;
mod logs;
mod memory;
mod memory_start;
mod paged_memory;
mod preload_library;
mod same_moment;
mod save_requests;
mod saving;
mod start_failures;
mod support;
mod view;
mod working_sets;
