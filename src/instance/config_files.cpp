// See config_files.hpp; the order of things follows ParseConfigFile and ParseConfigDirectory
// (guc-file.l) and, for pg_hba.conf of 16 and later, tokenize_auth_file (hba.c).
#include "instance/config_files.hpp"

#include <algorithm>
#include <charconv>

#include "runtime/files.hpp"

namespace pgkeel::instance {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kDirectoryEntriesMax = 4096;

fs::path resolve(const fs::path& base_dir, std::string_view name) {
  const fs::path path(name);
  return (path.is_absolute() ? path : base_dir / path).lexically_normal();
}

// *.conf, not hidden, in byte order: what include_dir takes.
std::vector<fs::path> conf_files_in(const fs::path& dir) {
  std::vector<fs::path> found;
  std::error_code error;
  std::size_t seen = 0;
  for (fs::directory_iterator entry(dir, error), end; !error && entry != end;
       entry.increment(error)) {
    if (++seen > kDirectoryEntriesMax) break;
    const std::string name = entry->path().filename().string();
    if (!name.starts_with('.') && name.ends_with(".conf")) found.push_back(entry->path());
  }
  std::ranges::sort(found, {}, [](const fs::path& path) { return path.native(); });
  return found;
}

class Reader {
 public:
  explicit Reader(ServerConfig& config) : config_(config) {}

  void read(const fs::path& path, int depth) {
    if (depth > kIncludeDepthMax || config_.files.size() >= kConfigFilesMax) return;
    const auto text = runtime::read_file(path, kConfigBytesMax);
    if (!text) return;
    note(path);
    for (const pg::ConfigSetting& setting : pg::parse_config_text(*text).settings) {
      if (pg::is_include(setting)) include(setting, path.parent_path(), depth + 1);
      else if (config_.settings.size() < pg::kConfigSettingsMax)
        config_.settings.push_back(setting);
    }
  }

  void note(const fs::path& path) {
    if (std::ranges::find(config_.files, path) == config_.files.end())
      config_.files.push_back(path);
  }

 private:
  void include(const pg::ConfigSetting& setting, const fs::path& base_dir, int depth) {
    const fs::path target = resolve(base_dir, setting.value);
    if (setting.name != "include_dir") {
      read(target, depth);
      return;
    }
    for (const fs::path& file : conf_files_in(target)) read(file, depth);
  }

  ServerConfig& config_;
};

// The words of an hba or ident line up to its end or comment; quotes matter only around a name.
std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  bool quoted = false;
  for (const char c : line) {
    if (c == '"') quoted = !quoted;
    else if (!quoted && c == '#') break;
    else if (quoted || (c != ' ' && c != '\t' && c != '\r')) word += c;
    else if (!word.empty()) words.push_back(std::exchange(word, {}));
  }
  if (!word.empty()) words.push_back(std::move(word));
  return words;
}

class AuthFileReader {
 public:
  explicit AuthFileReader(std::vector<fs::path>& files) : files_(files) {}

  void read(const fs::path& path, int depth) {
    if (depth > kIncludeDepthMax || files_.size() >= kConfigFilesMax) return;
    const auto text = runtime::read_file(path, kConfigBytesMax);
    if (!text) return;
    if (std::ranges::find(files_, path) == files_.end()) files_.push_back(path);
    std::string_view rest = *text;
    while (!rest.empty()) {
      const auto end = std::min(rest.find('\n'), rest.size());
      read_line(rest.substr(0, end), path.parent_path(), depth + 1);
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }

 private:
  void read_line(std::string_view line, const fs::path& base_dir, int depth) {
    const std::vector<std::string> words = words_of(line);
    if (words.size() >= 2 && (words[0] == "include" || words[0] == "include_if_exists"))
      read(resolve(base_dir, words[1]), depth);
    else if (words.size() >= 2 && words[0] == "include_dir")
      for (const fs::path& file : conf_files_in(resolve(base_dir, words[1]))) read(file, depth);
    else read_name_lists(words, base_dir, depth);
  }

  // "@admins" names a file with one name a line.
  void read_name_lists(const std::vector<std::string>& words, const fs::path& base_dir, int depth) {
    for (const std::string& word : words)
      if (word.size() > 1 && word.front() == '@') read(resolve(base_dir, word.substr(1)), depth);
  }

  std::vector<fs::path>& files_;
};

}  // namespace

ServerConfig read_server_config(const fs::path& config_file, const fs::path& data_dir) {
  ServerConfig config;
  Reader reader(config);
  reader.read(config_file, 0);
  reader.read(data_dir / "postgresql.auto.conf", 0);
  return config;
}

fs::path hba_file_of(const ServerConfig& config, const fs::path& data_dir) {
  return resolve(data_dir, config.get("hba_file").value_or("pg_hba.conf"));
}

fs::path ident_file_of(const ServerConfig& config, const fs::path& data_dir) {
  return resolve(data_dir, config.get("ident_file").value_or("pg_ident.conf"));
}

std::vector<fs::path> list_config_files(const fs::path& config_file, const fs::path& data_dir) {
  ServerConfig config = read_server_config(config_file, data_dir);
  std::vector<fs::path> files = config.files;
  AuthFileReader reader(files);
  reader.read(hba_file_of(config, data_dir), 0);
  reader.read(ident_file_of(config, data_dir), 0);
  return files;
}

std::uint16_t port_of(const ServerConfig& config) {
  const auto text = config.get("port");
  if (!text) return 5432;
  std::uint16_t port = 0;
  const auto end = std::from_chars(text->data(), text->data() + text->size(), port);
  return end.ec == std::errc() && end.ptr == text->data() + text->size() ? port : 0;
}

std::vector<fs::path> socket_dirs_of(const ServerConfig& config) {
  std::vector<fs::path> dirs;
  for (const std::string& dir :
       pg::split_config_list(config.get("unix_socket_directories").value_or("")))
    dirs.emplace_back(dir);
  return dirs;
}

}  // namespace pgkeel::instance
