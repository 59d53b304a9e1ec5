//! The guest's network: `lo`, `eth0` with its one address, the way out. Set by rtnetlink; four requests, so the messages are
//! written out here rather than with a library. Layouts: rtnetlink(7).

use std::fs;
use std::io;
use std::net::Ipv4Addr;

use rustix::fd::OwnedFd;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, sendto,
    socket_with,
};

use super::failure::{Failure, Step};

/// Every sandbox has the same address in its own network namespace, so that a restored clone need not change it.
pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(169, 254, 0, 21);
/// The host's side: gateway, name server, and the only one whose `/init` is taken.
pub const GATEWAY: Ipv4Addr = Ipv4Addr::new(169, 254, 0, 22);
const PREFIX: u8 = 30;

const RTM_NEWLINK: u16 = 16;
const RTM_NEWADDR: u16 = 20;
const RTM_NEWROUTE: u16 = 24;
const NLMSG_ERROR: u16 = 2;
const NLM_F_REQUEST: u16 = 0x1;
const NLM_F_ACK: u16 = 0x4;
const NLM_F_REPLACE: u16 = 0x100;
const NLM_F_CREATE: u16 = 0x400;
const IFF_UP: u32 = 1;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RT_TABLE_MAIN: u8 = 254;
const RTPROT_BOOT: u8 = 3;
const RTN_UNICAST: u8 = 1;
const AF_INET: u8 = 2;
const HEADER: usize = 16;

/// Brings `lo` and `eth0` up. Expects /proc and /sys to be mounted.
pub fn set_up() -> Result<(), Failure> {
    let route = Route::open().step("open a netlink socket")?;
    let lo = index("lo")?;
    route.link_up(lo).step("bring lo up")?;

    let eth0 = index("eth0")?;
    // The slot has no IPv6; without this the guest would go on looking for a router.
    let _ = fs::write("/proc/sys/net/ipv6/conf/eth0/disable_ipv6", "1");
    route
        .add_address(eth0, ADDRESS, PREFIX)
        .step(format!("give eth0 the address {ADDRESS}/{PREFIX}"))?;
    route.link_up(eth0).step("bring eth0 up")?;
    route
        .add_default_route(eth0, GATEWAY)
        .step(format!("route over {GATEWAY}"))
}

fn index(name: &str) -> Result<u32, Failure> {
    let text = fs::read_to_string(format!("/sys/class/net/{name}/ifindex"))
        .step(format!("find the interface {name}"))?;
    text.trim()
        .parse()
        .map_err(io::Error::other)
        .step(format!("find the interface {name}"))
}

struct Route(OwnedFd);

impl Route {
    fn open() -> io::Result<Self> {
        // The default protocol of this family is NETLINK_ROUTE.
        Ok(Self(socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            None,
        )?))
    }

    fn link_up(&self, index: u32) -> io::Result<()> {
        self.ask(Message::new(RTM_NEWLINK, 0, &link(index, IFF_UP)))
    }

    fn add_address(&self, index: u32, address: Ipv4Addr, prefix: u8) -> io::Result<()> {
        let mut message = Message::new(
            RTM_NEWADDR,
            NLM_F_CREATE | NLM_F_REPLACE,
            &address_of(index, prefix),
        );
        message.attribute(IFA_LOCAL, &address.octets());
        message.attribute(IFA_ADDRESS, &address.octets());
        self.ask(message)
    }

    fn add_default_route(&self, index: u32, gateway: Ipv4Addr) -> io::Result<()> {
        let mut message =
            Message::new(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &default_route());
        message.attribute(RTA_GATEWAY, &gateway.octets());
        message.attribute(RTA_OIF, &index.to_ne_bytes());
        self.ask(message)
    }

    fn ask(&self, message: Message) -> io::Result<()> {
        sendto(
            &self.0,
            &message.finish(),
            SendFlags::empty(),
            &netlink::SocketAddrNetlink::new(0, 0),
        )?;
        let mut answer = [0_u8; 4096];
        let (length, _) = recv(&self.0, &mut answer, RecvFlags::empty())?;
        verdict(&answer[..length])
    }
}

/// `struct ifinfomsg`
fn link(index: u32, flags: u32) -> [u8; 16] {
    let mut body = [0; 16];
    body[4..8].copy_from_slice(&index.to_ne_bytes());
    body[8..12].copy_from_slice(&flags.to_ne_bytes());
    body[12..16].copy_from_slice(&flags.to_ne_bytes());
    body
}

/// `struct ifaddrmsg`
fn address_of(index: u32, prefix: u8) -> [u8; 8] {
    let mut body = [0; 8];
    body[0] = AF_INET;
    body[1] = prefix;
    body[4..8].copy_from_slice(&index.to_ne_bytes());
    body
}

/// `struct rtmsg`, to anywhere
fn default_route() -> [u8; 12] {
    let mut body = [0; 12];
    body[0] = AF_INET;
    body[4] = RT_TABLE_MAIN;
    body[5] = RTPROT_BOOT;
    body[7] = RTN_UNICAST;
    body
}

struct Message(Vec<u8>);

impl Message {
    fn new(kind: u16, flags: u16, body: &[u8]) -> Self {
        let mut bytes = vec![0; HEADER];
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        bytes[6..8].copy_from_slice(&(flags | NLM_F_REQUEST | NLM_F_ACK).to_ne_bytes());
        bytes.extend_from_slice(body);
        Self(bytes)
    }

    /// All values here are four bytes, so no padding is needed.
    fn attribute(&mut self, kind: u16, value: &[u8; 4]) {
        self.0.extend_from_slice(&8_u16.to_ne_bytes());
        self.0.extend_from_slice(&kind.to_ne_bytes());
        self.0.extend_from_slice(value);
    }

    fn finish(mut self) -> Vec<u8> {
        let length = self.0.len() as u32;
        self.0[..4].copy_from_slice(&length.to_ne_bytes());
        self.0
    }
}

/// Reads the kernel's answer: `struct nlmsgerr`, whose error is 0 for an acknowledgement.
fn verdict(answer: &[u8]) -> io::Result<()> {
    let kind = answer
        .get(4..6)
        .and_then(|bytes| bytes.try_into().ok())
        .map(u16::from_ne_bytes);
    let error = answer
        .get(HEADER..HEADER + 4)
        .and_then(|bytes| bytes.try_into().ok())
        .map(i32::from_ne_bytes);
    match (kind, error) {
        (Some(NLMSG_ERROR), Some(0)) => Ok(()),
        (Some(NLMSG_ERROR), Some(error)) => Err(io::Error::from_raw_os_error(-error)),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the kernel's answer is no acknowledgement",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_its_own_length_and_asks_for_an_answer() {
        let mut message = Message::new(RTM_NEWADDR, NLM_F_CREATE, &address_of(2, 30));
        message.attribute(IFA_LOCAL, &ADDRESS.octets());
        let bytes = message.finish();
        assert_eq!(bytes.len(), 32);
        assert_eq!(bytes[..4], 32_u32.to_ne_bytes());
        assert_eq!(
            bytes[6..8],
            (NLM_F_CREATE | NLM_F_REQUEST | NLM_F_ACK).to_ne_bytes()
        );
        assert_eq!(bytes[24..], [8, 0, 2, 0, 169, 254, 0, 21]);
    }

    #[test]
    fn the_kernels_refusal_comes_back_as_its_errno() {
        let mut answer = [0; 36];
        answer[4..6].copy_from_slice(&NLMSG_ERROR.to_ne_bytes());
        assert!(verdict(&answer).is_ok());
        answer[16..20].copy_from_slice(&(-19_i32).to_ne_bytes());
        assert_eq!(verdict(&answer).unwrap_err().raw_os_error(), Some(19));
        assert!(verdict(&answer[..10]).is_err());
    }
}
