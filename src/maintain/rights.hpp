// Who may drop what: the roles that can log in, what they own or could own, and what that means in
// a sentence a newcomer understands. Reading is rights_look.cpp; the sentences are pure.
// It guarantees: everything that is said is followed by what helps, as a statement that is only
// shown. It refuses to judge roles nobody can log in as.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "maintain/server_access.hpp"

namespace pgkeel::maintain {

/// A role that can log in.
struct LoginRole {
  std::string name;
  bool superuser = false;
  bool bootstrap = false;  ///< initdb made it: it stays a superuser
  bool createdb = false;
  bool createrole = false;
  bool bypassrls = false;
  std::int64_t sessions = 0;  ///< now, pgkeel's own and psql's left out
  std::string applications;   ///< their names: "node, gunicorn"
};

/// What a role that is no superuser could do in one database.
struct RoleReach {
  std::string role;
  std::int64_t tables = 0;  ///< it could drop: as owner of the table or of its schema
  std::string through;      ///< roles it is a member of, by which it can; empty: itself
  std::string schemas;      ///< it owns: "public, app"
  bool owns_database = false;
  std::int64_t truncates = 0;  ///< tables it may not drop, and may empty
};

struct DatabaseRights {
  std::string database;
  std::int64_t tables = 0;
  bool public_creates = false;   ///< PUBLIC may create in schema public (the default until 14)
  bool public_connects = false;  ///< PUBLIC may connect
  std::int64_t default_acls = 0;
  std::vector<RoleReach> roles;
};

struct Rights {
  std::vector<LoginRole> roles;
  std::vector<DatabaseRights> databases;
};

struct Verdict {
  enum class Weight { Danger, Note };
  Weight weight = Weight::Note;
  std::string database;  ///< empty: of the whole server
  std::string role;      ///< empty: of nobody in particular
  std::string text;
  std::string helps;  ///< a statement or a command; only shown
};
[[nodiscard]] std::string_view to_string(Verdict::Weight weight);

/// The worst first. `application_role` is the configured one; empty: whoever has sessions.
[[nodiscard]] std::vector<Verdict> judge(const Rights& rights, std::string_view application_role);

runtime::Task<Result<std::vector<LoginRole>>> look_at_roles(const ServerAccess* access);
runtime::Task<Result<DatabaseRights>> look_at_rights(const ServerAccess* access,
                                                     std::string database);

}  // namespace pgkeel::maintain
