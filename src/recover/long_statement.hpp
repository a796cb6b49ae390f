// A statement that may take long: a check of a table, an index made anew, a vacuum. The guard runs
// one playbook at a time, so such a statement gives way: as soon as the server needs the guard it
// is cancelled, and asked for again later.
#pragma once

#include "client/connection.hpp"
#include "recover/playbook.hpp"

namespace pgkeel::recover {

/// What the senses know of a server that needs the guard now, before diagnosis names it.
[[nodiscard]] bool server_needs_us(const Services& services);

/// WrongState when it gave way; TimedOut after `patience`; the connection may be of no use then.
runtime::Task<Result<client::Rows>> run_long(
    Services* services, client::Connection* connection, std::string sql, Seconds patience,
    std::vector<std::optional<std::string>> parameters = {});

}  // namespace pgkeel::recover
