//! Addresses that can be fetched.

/// The parts of an address that matter to a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Url {
    /// The host, an address of IPv6 without its brackets.
    pub host: String,
    pub port: u16,
    /// As the Host of a request says it: without the usual port.
    pub authority: String,
    /// Path and query.
    pub target: String,
}

impl Url {
    /// Takes an address apart, or says what is wrong with it.
    pub fn parse(text: &str) -> Result<Url, String> {
        let invalid = || format!("invalid url '{text}'");
        let (scheme, rest) = text.split_once("://").ok_or_else(invalid)?;
        if !scheme.eq_ignore_ascii_case("http") {
            return Err("only http is supported".into());
        }
        let rest = rest.split('#').next().unwrap_or_default();
        let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (host, port) = match authority.strip_prefix('[') {
            Some(inner) => {
                let (host, port) = inner.split_once(']').ok_or_else(invalid)?;
                let is_address = host.parse::<std::net::Ipv6Addr>().is_ok();
                let port = if port.is_empty() { Some("") } else { port.strip_prefix(':') };
                (host, port.filter(|_| is_address).ok_or_else(invalid)?)
            }
            None => authority.split_once(':').unwrap_or((authority, "")),
        };
        let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let is_name = !host.is_empty() && (authority.starts_with('[') || host.bytes().all(is_of_name));
        let is_port = port.bytes().all(|byte| byte.is_ascii_digit());
        if !is_name || !is_port || !target.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(invalid());
        }
        let port = match port {
            "" => 80,
            port => port.parse().ok().filter(|&port| port != 0).ok_or_else(invalid)?,
        };
        let name = if authority.starts_with('[') { format!("[{host}]") } else { host.to_owned() };
        let authority = if port == 80 { name } else { format!("{name}:{port}") };
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        Ok(Url { host: host.to_owned(), port, authority, target })
    }
}
