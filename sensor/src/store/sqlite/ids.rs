//! Row ids of what many rows refer to: services, workloads, peers. Looked up once per transaction,
//! added where they are missing.

use std::collections::HashMap;

use sqlx::sqlite::SqliteConnection;

use crate::flow::{Peer, Workload};

/// Row ids of names that many rows refer to, for one transaction: another process may add rows
/// between two, and a failed one takes its rows back.
#[derive(Default)]
pub(super) struct Ids<'a> {
    services: HashMap<&'a str, i64>,
    workloads: HashMap<&'a Workload, i64>,
    peers: HashMap<&'a Peer, i64>,
}

impl<'a> Ids<'a> {
    pub(super) async fn service(
        &mut self,
        connection: &mut SqliteConnection,
        name: &'a str,
    ) -> Result<i64, sqlx::Error> {
        if let Some(id) = self.services.get(name) {
            return Ok(*id);
        }
        let found = sqlx::query_scalar("SELECT id FROM service WHERE name = ?").bind(name);
        let id = match found.fetch_optional(&mut *connection).await? {
            Some(id) => id,
            None => {
                let made =
                    sqlx::query_scalar("INSERT INTO service (name) VALUES (?) RETURNING id").bind(name);
                made.fetch_one(&mut *connection).await?
            }
        };
        self.services.insert(name, id);
        Ok(id)
    }

    pub(super) async fn workload(
        &mut self,
        connection: &mut SqliteConnection,
        workload: &'a Workload,
    ) -> Result<i64, sqlx::Error> {
        if let Some(id) = self.workloads.get(workload) {
            return Ok(*id);
        }
        let container = workload.container.as_deref().unwrap_or_default();
        let found =
            sqlx::query_scalar("SELECT id FROM workload WHERE program = ? AND cgroup = ? AND container = ?")
                .bind(&*workload.program)
                .bind(&*workload.cgroup)
                .bind(container);
        let id = match found.fetch_optional(&mut *connection).await? {
            Some(id) => id,
            None => {
                sqlx::query_scalar(
                    "INSERT INTO workload (program, cgroup, container) VALUES (?, ?, ?) RETURNING id",
                )
                .bind(&*workload.program)
                .bind(&*workload.cgroup)
                .bind(container)
                .fetch_one(&mut *connection)
                .await?
            }
        };
        self.workloads.insert(workload, id);
        Ok(id)
    }

    pub(super) async fn peer(
        &mut self,
        connection: &mut SqliteConnection,
        peer: &'a Peer,
    ) -> Result<i64, sqlx::Error> {
        if let Some(id) = self.peers.get(peer) {
            return Ok(*id);
        }
        let workload = match &peer.workload {
            Some(workload) => Some(self.workload(connection, workload).await?),
            None => None,
        };
        let address = peer.address.to_string();
        let found =
            sqlx::query_scalar("SELECT id FROM peer WHERE address = ? AND ifnull(workload_id, 0) = ?")
                .bind(&address)
                .bind(workload.unwrap_or(0));
        let id = match found.fetch_optional(&mut *connection).await? {
            Some(id) => id,
            None => {
                sqlx::query_scalar("INSERT INTO peer (address, workload_id) VALUES (?, ?) RETURNING id")
                    .bind(&address)
                    .bind(workload)
                    .fetch_one(&mut *connection)
                    .await?
            }
        };
        self.peers.insert(peer, id);
        Ok(id)
    }
}
