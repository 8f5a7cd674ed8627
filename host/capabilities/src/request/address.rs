//! Which addresses there are: what may be reached by a name that only a stranger's DNS server vouches for.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where an address lies, as far as an operator can permit it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AddressClass {
    /// On the internet.
    Public,
    /// In a network of one's own: RFC 1918, shared address space (carriers, VPNs), unique local.
    Private,
    /// On this machine.
    Loopback,
}

impl AddressClass {
    /// Every class.
    pub const ALL: [Self; 3] = [Self::Public, Self::Private, Self::Loopback];

    /// Gives the word of the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
            Self::Loopback => "loopback",
        }
    }

    /// Says where an address lies; `None` for one that no request ever reaches, whatever is configured: metadata
    /// services of clouds, link-local, multicast, unspecified, reserved, and IPv6 wrappings of such.
    #[must_use]
    pub fn of(address: IpAddr) -> Option<Self> {
        if METADATA.contains(&address) {
            return None;
        }
        match address {
            IpAddr::V4(address) => of_v4(address),
            IpAddr::V6(address) => of_v6(address),
        }
    }
}

impl fmt::Display for AddressClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Services that hand a machine's credentials to whoever asks from it. Most clouds use a link-local address, which is
/// out of reach anyway; these are the others.
const METADATA: [IpAddr; 5] = [
    // Alibaba Cloud, Oracle Cloud, Azure's agent.
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    // AWS, Google Cloud.
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
];

/// AWS keeps more than one service in this block.
const METADATA_BLOCK: [u16; 2] = [0xfd00, 0xec2];

/// By the registry of special-purpose addresses that IANA keeps.
fn of_v4(address: Ipv4Addr) -> Option<AddressClass> {
    use AddressClass::{Loopback, Private, Public};
    match address.octets() {
        [127, ..] => Some(Loopback),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Some(Private),
        // Shared address space (RFC 6598), and what VPNs and test labs take (RFC 2544).
        [100, 64..=127, ..] | [198, 18..=19, ..] => Some(Private),
        // This network, link-local, protocol assignments, documentation, relays of 6to4, multicast, reserved.
        [0, ..] | [169, 254, ..] | [192, 0, 0 | 2, _] | [192, 88, 99, _] => None,
        [198, 51, 100, _] | [203, 0, 113, _] | [224..=255, ..] => None,
        _ => Some(Public),
    }
}

fn of_v6(address: Ipv6Addr) -> Option<AddressClass> {
    use AddressClass::{Loopback, Private, Public};
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        AddressClass::of(IpAddr::V4(Ipv4Addr::new(a, b, c, d)))
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => Some(Loopback),
        // IPv4-mapped: the system connects to the IPv4 address.
        [0, 0, 0, 0, 0, 0xffff, high, low] => embedded(high, low),
        // NAT64 (RFC 6052) and 6to4 (RFC 3056) carry an IPv4 address to somebody else's gateway: public or nothing.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            embedded(high, low).filter(|class| *class == Public)
        }
        [first, second, ..] if [first, second] == METADATA_BLOCK => None,
        [first, ..] if first & 0xfe00 == 0xfc00 => Some(Private),
        // Protocol assignments (Teredo among them) and documentation lie inside the global unicast space.
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => None,
        [0x2000..=0x3fff, ..] => Some(Public),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::ordinary("93.184.215.14", Some(AddressClass::Public))]
    #[case::beside_private_a("11.0.0.1", Some(AddressClass::Public))]
    #[case::beside_private_b("172.15.255.255", Some(AddressClass::Public))]
    #[case::beside_private_c("172.32.0.0", Some(AddressClass::Public))]
    #[case::beside_shared("100.63.255.255", Some(AddressClass::Public))]
    #[case::beside_shared_too("100.128.0.0", Some(AddressClass::Public))]
    #[case::loopback("127.0.0.1", Some(AddressClass::Loopback))]
    #[case::loopback_all_of_it("127.255.255.254", Some(AddressClass::Loopback))]
    #[case::private_10("10.1.2.3", Some(AddressClass::Private))]
    #[case::private_172("172.16.0.1", Some(AddressClass::Private))]
    #[case::private_172_end("172.31.255.255", Some(AddressClass::Private))]
    #[case::private_192("192.168.1.1", Some(AddressClass::Private))]
    #[case::shared("100.64.0.1", Some(AddressClass::Private))]
    #[case::benchmark("198.18.0.1", Some(AddressClass::Private))]
    #[case::unspecified("0.0.0.0", None)]
    #[case::this_network("0.1.2.3", None)]
    #[case::link_local("169.254.0.1", None)]
    #[case::metadata("169.254.169.254", None)]
    #[case::metadata_of_containers("169.254.170.2", None)]
    #[case::metadata_alibaba("100.100.100.200", None)]
    #[case::metadata_oracle("192.0.0.192", None)]
    #[case::metadata_azure("168.63.129.16", None)]
    #[case::protocol("192.0.0.1", None)]
    #[case::documentation("192.0.2.1", None)]
    #[case::documentation_2("198.51.100.7", None)]
    #[case::documentation_3("203.0.113.7", None)]
    #[case::relay("192.88.99.1", None)]
    #[case::multicast("224.0.0.1", None)]
    #[case::reserved("240.0.0.1", None)]
    #[case::broadcast("255.255.255.255", None)]
    fn ipv4(#[case] address: Ipv4Addr, #[case] class: Option<AddressClass>) {
        assert_eq!(AddressClass::of(address.into()), class);
        let mapped = address.to_ipv6_mapped();
        assert_eq!(AddressClass::of(mapped.into()), class, "{mapped}");
    }

    #[rstest]
    #[case::ordinary("2606:2800:21f:cb07:6820:80da:af6b:8b2c", Some(AddressClass::Public))]
    #[case::assigned_2001("2001:4860:4860::8888", Some(AddressClass::Public))]
    #[case::loopback("::1", Some(AddressClass::Loopback))]
    #[case::unspecified("::", None)]
    #[case::compatible("::127.0.0.1", None)]
    #[case::compatible_public("::8.8.8.8", None)]
    #[case::mapped_loopback("::ffff:127.0.0.1", Some(AddressClass::Loopback))]
    #[case::mapped_metadata("::ffff:169.254.169.254", None)]
    #[case::translated("::ffff:0:127.0.0.1", None)]
    #[case::nat64_public("64:ff9b::8.8.8.8", Some(AddressClass::Public))]
    #[case::nat64_loopback("64:ff9b::127.0.0.1", None)]
    #[case::nat64_private("64:ff9b::10.0.0.1", None)]
    #[case::nat64_metadata("64:ff9b::169.254.169.254", None)]
    #[case::nat64_local("64:ff9b:1::8.8.8.8", None)]
    #[case::sixtofour_public("2002:808:808::1", Some(AddressClass::Public))]
    #[case::sixtofour_private("2002:a00:1::1", None)]
    #[case::sixtofour_loopback("2002:7f00:1::1", None)]
    #[case::teredo("2001:0:4136:e378:8000:63bf:3fff:fdd2", None)]
    #[case::unique_local("fd12:3456:789a::1", Some(AddressClass::Private))]
    #[case::unique_local_fc("fc00::1", Some(AddressClass::Private))]
    #[case::metadata_aws("fd00:ec2::254", None)]
    #[case::metadata_aws_containers("fd00:ec2::23", None)]
    #[case::metadata_google("fd20:ce::254", None)]
    #[case::link_local("fe80::1", None)]
    #[case::site_local("fec0::1", None)]
    #[case::multicast("ff02::1", None)]
    #[case::documentation("2001:db8::1", None)]
    #[case::documentation_new("3fff::1", None)]
    #[case::discard("100::1", None)]
    fn ipv6(#[case] address: Ipv6Addr, #[case] class: Option<AddressClass>) {
        assert_eq!(AddressClass::of(address.into()), class);
    }
}
