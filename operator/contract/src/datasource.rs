//! The names of datasources: `<server>/<database>`, or `<server>` alone for several databases of one. Pure.
//!
//! A server is called by its system identifier, under whatever host it is met. Where its provider lets nobody read that, host
//! and port have to do.

/// The name of a datasource; of several databases, or all, without `database`.
pub fn name(system_identifier: Option<&str>, host: &str, port: u16, database: Option<&str>) -> String {
    let server =
        system_identifier.map_or_else(|| format!("{}:{port}", host.to_ascii_lowercase()), str::to_owned);
    match database {
        Some(database) => format!("{server}/{database}"),
        None => server,
    }
}

/// The server's part of a datasource's name.
pub fn server_of(datasource: &str) -> &str {
    datasource.split_once('/').map_or(datasource, |(server, _)| server)
}

/// Whether a datasource is known by a system identifier, so that another one is another server.
pub fn is_identified(datasource: &str) -> bool {
    let server = server_of(datasource);
    !server.is_empty() && server.bytes().all(|byte| byte.is_ascii_digit())
}

/// The datasource as it was met: the server may be another one than when it was last asked who it is. Names by host and port
/// stay.
pub fn met_at(datasource: &str, system_identifier: Option<&str>) -> String {
    match system_identifier {
        Some(met) if is_identified(datasource) => {
            format!("{met}{}", &datasource[server_of(datasource).len()..])
        }
        Some(_) | None => datasource.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_a07_a_server_is_known_by_its_identifier_else_by_host_and_port() {
        let named = |system| name(system, "db.shop", 5432, Some("orders"));
        assert_eq!(named(Some("7311")), "7311/orders");
        assert_eq!(named(None), "db.shop:5432/orders");
        assert_eq!(name(None, "DB.shop", 5432, None), "db.shop:5432", "names of hosts have no case");
        assert_eq!((server_of("7311/a/b"), server_of("db.shop:5432")), ("7311", "db.shop:5432"));
        assert!(is_identified("7311/orders") && is_identified("7311"));
        assert!(!is_identified("db.shop:5432/orders") && !is_identified("/orders"));
    }

    #[test]
    fn who_is_met_counts_and_not_who_was_expected() {
        assert_eq!(met_at("7311/a/b", Some("7312")), "7312/a/b");
        assert_eq!(met_at("7311", Some("7312")), "7312");
        assert_eq!(met_at("7311/orders", None), "7311/orders");
        assert_eq!(met_at("db:5432/orders", Some("7312")), "db:5432/orders");
    }
}
