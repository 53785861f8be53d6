//! AccessService: keys and the audit trail. What a key may do is decided in [`crate::access`], where it is kept by
//! the store.

use std::sync::Arc;

use chrono::{TimeDelta, Utc};
use qingting_index::{ApiKey, AuditEntry};
use qingting_proto::v1;
use qingting_proto::v1::access_service_server::AccessService;
use tonic::{Request, Response, Status};

use super::backend::Writer;
use super::convert::Invalid;
use super::paging;
use super::shared::{Shared, principal};
use super::status::Failure;
use crate::access::{KeyOrder, Permission, Principal, Scope, new_key};

/// Collection in resource names.
const COLLECTION: &str = "keys/";

/// The service.
pub(super) struct Access(pub(super) Arc<Shared>);

#[tonic::async_trait]
impl AccessService for Access {
    async fn get_principal(
        &self,
        request: Request<v1::GetPrincipalRequest>,
    ) -> Result<Response<v1::Principal>, Status> {
        let who = principal(request.extensions())?;
        Ok(Response::new(principal_to_wire(&who)))
    }

    async fn create_key(
        &self,
        request: Request<v1::CreateKeyRequest>,
    ) -> Result<Response<v1::CreateKeyResponse>, Status> {
        let who = principal(request.extensions())?;
        let v1::CreateKeyRequest { display_name, role, teams, all_teams, agent_id, days, may_unmask } =
            request.into_inner();
        let days = u32::try_from(days).map_err(|_| Invalid::field("days", "must not be negative"))?;
        let order = KeyOrder {
            name: &display_name,
            role: &role,
            teams: &teams,
            all_teams,
            agent: &agent_id,
            unmask: may_unmask,
        };
        let (role, scope) = order.check().map_err(|wrong| Invalid::field(wrong.field, wrong.message))?;
        let expires_at = (days > 0).then(|| Utc::now() + TimeDelta::days(i64::from(days)));
        let mut made = new_key(display_name.trim(), role, &scope, expires_at);
        made.kept.unmasks = may_unmask;
        let (shared, kept, by) = (self.0.clone(), made.kept.clone(), who.to_string());
        let write = move |writer: &mut dyn Writer| {
            writer.add_key(&kept, &by)?;
            shared.guard.set_key(kept);
            Ok(())
        };
        self.0.writes(&who)?.change(write).await?;
        Ok(Response::new(v1::CreateKeyResponse { key: Some(key_to_wire(made.kept)), secret: made.secret }))
    }

    async fn list_keys(&self, request: Request<v1::ListKeysRequest>) -> Result<Response<v1::ListKeysResponse>, Status> {
        let ask = self.0.ask(&request)?;
        let keys = self.0.read(&ask, |ready| Ok(ready.reader.keys()?)).await?;
        Ok(Response::new(v1::ListKeysResponse { keys: keys.into_iter().map(key_to_wire).collect() }))
    }

    async fn revoke_key(&self, request: Request<v1::RevokeKeyRequest>) -> Result<Response<v1::ApiKey>, Status> {
        let who = principal(request.extensions())?;
        let name = request.into_inner().name;
        let id = name.strip_prefix(COLLECTION).filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| Invalid::field("name", "must be keys/{key}"))?.to_owned();
        let missing = || Failure::NotFound { kind: "qingting.v1.ApiKey", name: name.clone() };
        self.0.guard.key(&id).ok_or_else(missing)?;
        let (shared, revoked, by) = (self.0.clone(), id.clone(), who.to_string());
        // Where it is written and not after: whether it still works must not depend on who is waiting for the answer.
        let write = move |writer: &mut dyn Writer| {
            shared.guard.set_key(writer.revoke_key(&revoked, &by)?);
            Ok(())
        };
        self.0.writes(&who)?.change(write).await?;
        Ok(Response::new(key_to_wire(self.0.guard.key(&id).ok_or_else(missing)?)))
    }

    async fn list_audit_entries(
        &self,
        request: Request<v1::ListAuditEntriesRequest>,
    ) -> Result<Response<v1::ListAuditEntriesResponse>, Status> {
        let ask = self.0.ask(&request)?;
        let request = request.into_inner();
        let size = paging::size(&self.0.config, request.page_size)?;
        let before = match request.page_token.as_str() {
            "" => None,
            token => {
                let number = token.parse::<i64>();
                Some(number.map_err(|_| Invalid::field("page_token", "not a token that this server gave out"))?)
            }
        };
        let most = u32::try_from(size).unwrap_or(u32::MAX);
        let mut entries = self
            .0
            .read(&ask, move |ready| Ok(ready.reader.audit_trail(before, most.saturating_add(1))?))
            .await?;
        let more = entries.len() > size;
        entries.truncate(size);
        let next = entries.last().filter(|_| more).map(|entry| entry.number.to_string());
        Ok(Response::new(v1::ListAuditEntriesResponse {
            entries: entries.into_iter().map(entry_to_wire).collect(),
            next_page_token: next.unwrap_or_default(),
        }))
    }
}

fn principal_to_wire(who: &Principal) -> v1::Principal {
    v1::Principal {
        id: who.id.clone(),
        display_name: who.name.clone(),
        role: who.role.as_str().to_owned(),
        teams: match &who.scope {
            Scope::Teams(teams) => teams.iter().cloned().collect(),
            Scope::All | Scope::Agent(_) => Vec::new(),
        },
        agent_id: who.agent().unwrap_or_default().to_owned(),
        may_unmask: who.may(Permission::Unmask),
    }
}

fn key_to_wire(key: ApiKey) -> v1::ApiKey {
    let time = |at: Option<chrono::DateTime<Utc>>| at.map_or_else(String::new, |at| at.to_rfc3339());
    v1::ApiKey {
        name: format!("{COLLECTION}{}", key.id),
        display_name: key.name,
        role: key.role,
        teams: key.teams,
        agent_id: key.agent.unwrap_or_default(),
        create_time: key.created_at.to_rfc3339(),
        expire_time: time(key.expires_at),
        revoke_time: time(key.revoked_at),
        may_unmask: key.unmasks,
    }
}

fn entry_to_wire(entry: AuditEntry) -> v1::AuditEntry {
    let AuditEntry { number, at, who, action, subject, detail, hash } = entry;
    v1::AuditEntry { number, create_time: at, who, action, subject, detail, hash }
}
