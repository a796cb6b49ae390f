// The functions behind the routes, by file: handlers_health.cpp (probes of load balancers and
// orchestrators), handlers_read.cpp (status, incidents, logs, metrics), handlers_control.cpp
// (everything that changes something).
#pragma once

#include "serve/route.hpp"

namespace pgkeel::serve {

// handlers_health.cpp
Task<HttpResponse> get_livez(ContextPtr context, Call call);
Task<HttpResponse> get_readyz(ContextPtr context, Call call);
Task<HttpResponse> get_health(ContextPtr context, Call call);
Task<HttpResponse> get_database_health(ContextPtr context, Call call);
/// /primary, /leader: takes logins and is a primary.
Task<HttpResponse> check_primary(ContextPtr context, Call call);
/// /read-write: a primary whose last write went through.
Task<HttpResponse> check_read_write(ContextPtr context, Call call);
/// /replica[?lag=10MB]: takes logins and is a standby, no further behind than that.
Task<HttpResponse> check_replica(ContextPtr context, Call call);
/// /read-only, /readiness: takes logins, whatever it is.
Task<HttpResponse> check_serving(ContextPtr context, Call call);

// handlers_read.cpp
Task<HttpResponse> get_metrics(ContextPtr context, Call call);
Task<HttpResponse> get_status(ContextPtr context, Call call);
Task<HttpResponse> list_incidents(ContextPtr context, Call call);
Task<HttpResponse> get_incident(ContextPtr context, Call call);
Task<HttpResponse> get_logs(ContextPtr context, Call call);
Task<HttpResponse> get_conninfo(ContextPtr context, Call call);

// handlers_control.cpp
Task<HttpResponse> post_cleanup(ContextPtr context, Call call);
Task<HttpResponse> post_pause(ContextPtr context, Call call);
Task<HttpResponse> post_resume(ContextPtr context, Call call);
Task<HttpResponse> get_unfence(ContextPtr context, Call call);
Task<HttpResponse> post_unfence(ContextPtr context, Call call);
Task<HttpResponse> post_anchor(ContextPtr context, Call call);
Task<HttpResponse> post_application(ContextPtr context, Call call);
Task<HttpResponse> post_forget(ContextPtr context, Call call);
Task<HttpResponse> post_ack(ContextPtr context, Call call);
Task<HttpResponse> post_abandon(ContextPtr context, Call call);
Task<HttpResponse> post_take_back(ContextPtr context, Call call);
Task<HttpResponse> post_note(ContextPtr context, Call call);

}  // namespace pgkeel::serve
