// The settings a server that somebody has to explain at night should have: what is logged and in
// which form, when dead clients are noticed, what keeps it safe. A table (tuning.cpp); pure.
// It guarantees: a value that is as good as the wanted one is left alone; each proposal says why,
// and whether a restart is needed. It refuses to propose what depends on the application alone
// (statement_timeout, the size of a pool): that is advice without a value.
// https://www.postgresql.org/docs/current/view-pg-settings.html
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace pgkeel::maintain {

/// A row of pg_settings.
struct Setting {
  std::string value = {};    ///< in the server's own unit
  std::string shown = {};    ///< as SHOW prints it: "1s"
  std::string context = {};  ///< "sighup", "postmaster", "superuser", ...
  std::string source = {};   ///< "default", "configuration file", "command line", ...
  bool pending_restart = false;
};

struct ServerSettings {
  int version = 0;  ///< 150004
  std::map<std::string, Setting, std::less<>> settings;
  bool has_statements = false;  ///< the extension pg_stat_statements can be installed
};

struct Proposal {
  enum class Kind {
    Apply,      ///< changed by `tune --apply`
    Elsewhere,  ///< given on the command line, or to the role or database: outranks ALTER SYSTEM
    Choose,     ///< somebody has to decide: only advised
  };
  Kind kind = Kind::Apply;
  std::string name;
  std::string now;     ///< as SHOW prints it
  std::string wanted;  ///< as ALTER SYSTEM takes it, unquoted; of Choose: words
  std::string_view why;
  bool restart = false;  ///< takes effect at the next start only
};

/// In the order of the table; empty: all is as it should be.
[[nodiscard]] std::vector<Proposal> propose(const ServerSettings& server);

/// "ALTER SYSTEM SET log_statement = 'ddl'".
[[nodiscard]] std::string statement_for(const Proposal& proposal);
/// What takes it back: to what the setting was, or to the file's or the server's own default.
[[nodiscard]] std::string statement_back(const Proposal& proposal, const Setting& before);

}  // namespace pgkeel::maintain
