//! Rows of signs, transports, classes and principals into the endpoints and edges that [`super::read`] has made of
//! the others, in its transaction.

use std::collections::HashMap;

use futures_util::TryStreamExt;
use sqlx::sqlite::SqliteConnection;

use super::read::{Endpoints, Interner, ReadError, Result, number, time};
use crate::call::{Credential, DataClass, Place, Sign};
use crate::flow::{Peer, Transport};
use crate::inventory::{CallerKey, ClassKey, ClassStats, FieldKey, Messages, Seen, SignStats};

pub(super) async fn signs(connection: &mut SqliteConnection, endpoints: &mut Endpoints) -> Result<()> {
    let sql = "SELECT endpoint_id, sign, calls, first_ns, last_ns FROM sign";
    let mut rows = sqlx::query_as::<_, (i64, String, i64, i64, i64)>(sql).fetch(connection);
    while let Some((endpoint, sign, calls, first, last)) = rows.try_next().await? {
        let foreign = || ReadError::Foreign("sign");
        let (_, stats) = endpoints.get_mut(&endpoint).ok_or_else(foreign)?;
        let sign = Sign::of_name(&sign).ok_or_else(foreign)?;
        let seen = Seen { first: time(first), last: time(last) };
        stats.signs.insert(sign, SignStats { calls: number(calls), seen });
    }
    Ok(())
}

pub(super) async fn transports(connection: &mut SqliteConnection, endpoints: &mut Endpoints) -> Result<()> {
    let sql = "SELECT endpoint_id, transport, calls FROM transport";
    let mut rows = sqlx::query_as::<_, (i64, String, i64)>(sql).fetch(connection);
    while let Some((endpoint, transport, calls)) = rows.try_next().await? {
        let foreign = || ReadError::Foreign("transport");
        let (_, stats) = endpoints.get_mut(&endpoint).ok_or_else(foreign)?;
        let transport = Transport::of_name(&transport).ok_or_else(foreign)?;
        stats.transports.insert(transport, number(calls));
    }
    Ok(())
}

pub(super) async fn protocols(connection: &mut SqliteConnection, endpoints: &mut Endpoints) -> Result<()> {
    let foreign = || ReadError::Foreign("rpc_status");
    let sql = "SELECT endpoint_id, status, calls FROM rpc_status";
    let mut rows = sqlx::query_as::<_, (i64, i64, i64)>(sql).fetch(&mut *connection);
    while let Some((endpoint, status, calls)) = rows.try_next().await? {
        let (_, stats) = endpoints.get_mut(&endpoint).ok_or_else(foreign)?;
        let status = u16::try_from(status).map_err(|_| foreign())?;
        stats.rpc_statuses.insert(status, number(calls));
    }
    drop(rows);
    let sql = "SELECT id, request_messages, response_messages, request_messages_most, response_messages_most
               FROM endpoint WHERE request_messages > 0 OR response_messages > 0";
    let mut rows = sqlx::query_as::<_, (i64, i64, i64, i64, i64)>(sql).fetch(connection);
    while let Some((endpoint, requests, responses, most_requests, most_responses)) = rows.try_next().await? {
        let (_, stats) = endpoints.get_mut(&endpoint).ok_or(ReadError::Foreign("endpoint"))?;
        stats.messages = Messages {
            sums: [number(requests), number(responses)],
            most: [number(most_requests), number(most_responses)],
        };
    }
    Ok(())
}

pub(super) async fn classes(connection: &mut SqliteConnection, endpoints: &mut Endpoints) -> Result<()> {
    type Row = (i64, String, String, String, i64, i64, i64);
    let sql = "SELECT endpoint_id, place, name, class, count, first_ns, last_ns FROM data_class";
    let mut rows = sqlx::query_as::<_, Row>(sql).fetch(connection);
    let mut names = Interner::default();
    while let Some((endpoint, place, name, class, values, first, last)) = rows.try_next().await? {
        let foreign = || ReadError::Foreign("data_class");
        let (_, stats) = endpoints.get_mut(&endpoint).ok_or_else(foreign)?;
        let place = Place::of_name(&place).ok_or_else(foreign)?;
        let class = DataClass::of_name(&class).ok_or_else(foreign)?;
        let key = ClassKey { field: FieldKey { place, name: names.shared(&name) }, class };
        let seen = Seen { first: time(first), last: time(last) };
        stats.classes.insert(key, ClassStats { values: number(values), seen });
    }
    Ok(())
}

/// As many as there are: an older program may have kept more, of which the smallest are taken.
pub(super) async fn principals(
    connection: &mut SqliteConnection,
    peers: &HashMap<i64, Peer>,
    endpoints: &mut Endpoints,
) -> Result<()> {
    type Row = (i64, i64, String, String);
    let sql = "SELECT endpoint_id, peer_id, credential, principal FROM edge_principal";
    let mut rows = sqlx::query_as::<_, Row>(sql).fetch(connection);
    while let Some((endpoint, peer, credential, principal)) = rows.try_next().await? {
        let foreign = || ReadError::Foreign("edge_principal");
        let (_, stats) = endpoints.get_mut(&endpoint).ok_or_else(foreign)?;
        let key = CallerKey {
            peer: peers.get(&peer).ok_or_else(foreign)?.clone(),
            credential: Credential::of_name(&credential).ok_or_else(foreign)?,
        };
        let principal = u64::from_str_radix(&principal, 16).map_err(|_| foreign())?;
        let caller = stats.callers.value_mut(&key).ok_or_else(foreign)?;
        caller.principals.add(principal);
    }
    Ok(())
}
