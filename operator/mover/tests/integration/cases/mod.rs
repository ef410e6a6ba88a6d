//! One database after the other with what PostgreSQL may hold, from a backup through a vault into another database. Each
//! test has the id of its case in its name: A rows and types, B kinds of tables, C constraints and code, D database and
//! server, H restore.
mod a_rows;
mod b_tables;
mod c_code;
mod d_database;

use mover::restore::RestoreDone;

use crate::{
    compared::Database,
    support::Server,
    vaulted::{Vault, limits},
};

/// The shared server, with the roles that the cases speak of.
fn server() -> &'static Server {
    Server::shared_with_roles()
}

/// A database made by a script, and its copy after a backup and a restore.
struct Copied {
    name: String,
    done: RestoreDone,
}

impl Copied {
    /// Makes the database, backs it up and restores it beside itself.
    async fn of(name: &str, sql: &str) -> Self {
        server().create_database(name);
        server().sql(name, sql);
        Self::of_existing(name).await
    }

    /// As [`Copied::of`], of a database that is there.
    async fn of_existing(name: &str) -> Self {
        let vault = Vault::new().await;
        let point = vault.back_up(server(), name).await;
        let copy = format!("{name}_copy");
        let done = vault.restore(name, server(), &point, &copy, limits()).await.unwrap();
        Self { name: name.to_owned(), done }
    }

    fn copy(&self) -> String {
        format!("{}_copy", self.name)
    }

    /// Schema, rows, large objects and sequences are the same on both sides, and so are the answers to these.
    async fn expect_same(&self, queries: &[&str]) {
        let copy = self.copy();
        let (server, original) = (server(), Database { server: server(), name: &self.name });
        original.expect_same(Database { server, name: &copy }).await;
        for sql in queries {
            assert_eq!(server.sql(&self.name, sql), server.sql(&copy, sql), "{sql}");
        }
    }

    /// What the copy says.
    fn ask(&self, sql: &str) -> String {
        server().sql(&self.copy(), sql)
    }
}
