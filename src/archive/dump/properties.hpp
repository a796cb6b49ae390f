// What belongs to a database itself and is in no dump of it: owner, rights, settings, comment.
#pragma once

#include "archive/dump/server_sql.hpp"

namespace pgkeel::archive {

/// Of the database the session is in.
[[nodiscard]] Result<DatabaseProperties> read_properties(client::ReplicationSession& session);

/// Gives them to another database of the server. A role that is not there is the server's error.
Result<void> apply_properties(client::ReplicationSession& session, const std::string& database,
                              const DatabaseProperties& properties);

}  // namespace pgkeel::archive
