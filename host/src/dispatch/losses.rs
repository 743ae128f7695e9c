//! What follows when a worker is lost, and when a tenant in trouble gets an answer again; and what users ask of a tenant.

use std::{sync::Arc, time::Instant};

use super::{hub::Hub, tenant::Tenant, trouble::Step};
use crate::pool::{
    event::PoolEvent,
    tenant::{TenantLimits, TenantUsage},
};

impl Hub {
    /// A worker of this tenant died, and the host had not wished it to.
    pub(super) fn worker_lost(&self, tenant: &Arc<Tenant>) {
        let mut state = self.lock();
        let lost = state.ledger.lost(tenant, Instant::now());
        let mut ended = Vec::new();
        if lost.wants_zygote {
            state.troubled.push(Arc::clone(tenant));
            // Whatever it is that kills them, they were all forked from the same memory.
            ended = state.take_all_resting(tenant);
        }
        drop(state);
        drop(ended);
        if let Step::Pause(pause) = lost.step {
            self.event(&PoolEvent::TenantPaused {
                tenant: tenant.number(),
                name: tenant.name().map(|name| &**name),
                losses: lost.losses,
                pause,
            });
        }
        if lost.step != Step::GoOn {
            self.ring();
        }
    }

    /// A task of a tenant in trouble was answered.
    pub(super) fn task_answered(&self, tenant: &Arc<Tenant>) {
        let news = self.lock().ledger.answered(tenant);
        if news {
            self.event(&PoolEvent::TenantRecovered {
                tenant: tenant.number(),
                name: tenant.name().map(|name| &**name),
            });
            self.ring();
        }
    }

    /// The tenant of this name.
    pub(crate) fn tenant(&self, name: &str) -> Arc<Tenant> {
        self.lock().ledger.named(name)
    }

    /// What a tenant may use.
    pub(crate) fn tenant_limits(&self, tenant: &Arc<Tenant>) -> TenantLimits {
        self.lock().ledger.limits(tenant).clone()
    }

    /// Sets what a tenant may use.
    pub(crate) fn set_tenant_limits(&self, tenant: &Arc<Tenant>, limits: TenantLimits) {
        let mut state = self.lock();
        state.ledger.set_limits(tenant, limits, Instant::now());
        let ended = state.take_surplus(tenant, self.config.workers);
        drop(state);
        drop(ended);
        // More may be allowed now than before.
        self.ring();
    }

    /// What a tenant has.
    pub(crate) fn tenant_usage(&self, tenant: &Arc<Tenant>) -> TenantUsage {
        let mut state = self.lock();
        let idle = state.resting(tenant);
        state.ledger.usage(tenant, idle, Instant::now())
    }
}
