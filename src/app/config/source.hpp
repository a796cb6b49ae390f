// What the sources of configuration bring, before anything is believed: keys with their text and
// the place it came from. A source reports what it cannot understand and goes on, so that one run
// names everything that is wrong.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/config/keys.hpp"
#include "base/result.hpp"

namespace pgkeel::app {

/// Larger than any configuration a person writes; more is not read.
inline constexpr std::size_t kConfigBytesMax = 1U << 20U;

struct RawSetting {
  const KeyDefinition* definition = nullptr;
  std::string key;  ///< as shown: "alert[1].kind"
  Values values;
  Shape shape = Shape::Untyped;
  std::string origin;              ///< "pgkeel.toml:4"
  std::filesystem::path base_dir;  ///< relative paths start here
};

struct SourceReading {
  std::vector<RawSetting> settings;
  std::vector<Error> problems;
  std::vector<std::string> notes;
};

/// TOML text; `name` is how messages call it. Bounded in size and depth.
[[nodiscard]] SourceReading read_toml(std::string_view text, std::string_view name,
                                      const std::filesystem::path& base_dir);

/// PGKEEL_ variables to settings. A variable that looks like a mistyped key is an error; any other
/// unknown one is only noted, because the prefix is not ours alone. `origins` gives the place of
/// a variable for messages.
[[nodiscard]] SourceReading read_variables(const std::map<std::string, std::string>& variables,
                                           const std::map<std::string, std::string>& origins,
                                           const std::filesystem::path& base_dir);

struct EnvFile {
  std::map<std::string, std::string> variables;
  std::map<std::string, std::string> origins;  ///< ".env:3"
  std::vector<Error> problems;
};
/// NAME=value lines as shells and Compose read them: `export ` before, quotes around, # comments.
/// No variable is expanded. ConfigSyntax names the line.
[[nodiscard]] EnvFile read_env_file(std::string_view text, std::string_view name);

/// The server an app's own variables name: DATABASE_URL, or POSTGRES_HOST, PORT, USER, PASSWORD
/// and DB made into one.
struct AppServer {
  std::string url;
  std::string origin;  ///< "DATABASE_URL", "POSTGRES_HOST"
};
[[nodiscard]] std::optional<AppServer> app_server(
    const std::map<std::string, std::string>& variables);

/// ConfigUnknownKey with the nearest known name.
[[nodiscard]] Error unknown_key(std::string_view key, std::string_view origin);

}  // namespace pgkeel::app
