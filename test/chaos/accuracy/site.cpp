// See site.hpp.
#include "chaos/accuracy/site.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include "app/api_client.hpp"
#include "app/demo/strays.hpp"
#include "diagnose/finding.hpp"
#include "incident/ledger.hpp"
#include "incident/store.hpp"
#include "pg/conninfo.hpp"
#include "runtime/files.hpp"
#include "support/child.hpp"

namespace pgkeel::chaos {
namespace {

namespace fs = std::filesystem;

constexpr Seconds kGuardEnds{20};
constexpr Seconds kProgramMost{90};
constexpr Seconds kStraysEnd{10};
constexpr Seconds kBackupMost{60};
constexpr Seconds kProofMost{20};
constexpr std::size_t kWordsMax = 1500;

constexpr std::string_view kVictims =
    "create table ledger (n bigint not null, at timestamptz not null default now());"
    "create index ledger_n on ledger (n);"
    "create table orders (id bigserial primary key, item text not null);"
    "insert into orders (item) select 'item ' || i from generate_series(1, 2000) i;"
    "create table baskets (id bigserial primary key, item text not null);"
    "insert into baskets (item) select 'item ' || i from generate_series(1, 50000) i;"
    "create table visits (id bigserial primary key, page text not null);"
    "insert into visits (page) select 'page ' || i from generate_series(1, 50000) i;"
    "create table locked (id int);"
    "create schema billing;"
    "create table billing.invoices (id bigserial primary key, total int);"
    "insert into billing.invoices (total) select i from generate_series(1, 1000) i;"
    "create table billing.payments (id bigserial primary key, paid int);"
    "insert into billing.payments (paid) select i from generate_series(1, 1000) i;"
    "create role crowd login;"
    "grant all on locked to crowd;"
    "analyze;";
constexpr std::string_view kCrm =
    "create table contacts (id bigint primary key, name text);"
    "insert into contacts select i, 'contact ' || i from generate_series(1, 500) i;"
    "analyze;";

// Looks as often as they can be asked for, so that what is measured is the diagnosis and the repair
// and not the pause between two looks. The guard's defaults otherwise.
constexpr std::string_view kConfig = R"(state_dir = "{0}/state"
mode = "{5}"
[instance]
kind = "managed"
data_dir = "{1}"
bin_dir = "{2}"
log_file = "{3}"
url = "postgresql://postgres@127.0.0.1:{4}/postgres?sslmode=disable"
databases = ["shop", "crm"]
required_tables = ["shop.public.ledger"]
[sense]
login_every = "150ms"
in_doubt = "150ms"
watch_every = "100ms"
idle_in_transaction = "1s"
[http]
listen = "off"
[gateway]
listen = "off"
)";
// What acting takes: where from, and from when on sessions count as left behind.
constexpr std::string_view kActs = R"([recover]
ballast = "{0}"
idle_sessions = "1s"
idle_in_transaction = "1s"
[archive]
store = "{1}/archive"
drill_dir = "{1}/drill"
durability = "sync"
)";
constexpr std::string_view kBallast = "48MB";

// The one of this build, unless another is to be measured.
std::string program() {
  const auto* other = std::getenv("PGKEEL_UNDER_TEST");
  return other == nullptr ? PGKEEL_BINARY : other;
}

int rank_of(const std::string& cause) {
  const auto known = diagnose::cause_by_name(cause);
  return known ? diagnose::cause_info(*known).rank : 0;
}

std::vector<Named> named_in(const app::Json& list) {
  std::vector<Named> named;
  if (!list.is_array()) return named;
  for (const auto& one : list)
    named.push_back({app::text_of(one, "cause"), app::text_of(one, "subject")});
  return named;
}

bool lists(const incident::Ledger& ledger, std::string_view database, std::string_view table) {
  const auto relations = ledger.relations(database);
  return relations &&
         std::ranges::any_of(*relations, [&](const auto& one) { return one.name == table; });
}

}  // namespace

ModelCluster::ModelCluster() {
  server_.query("create database shop");
  server_.query("create database crm");
  server_.query(std::string(kVictims), "shop");
  server_.query(std::string(kCrm), "crm");
  server_.stop();
}

Ground::Ground(const ModelCluster& model, GuardMode mode) : mode_(mode) {
  options_.copy_of = model.data_dir();
  options_.settings = {{"autovacuum", "off"},  // its reading may not come before the injector's
                       {"log_line_prefix", "%m [%p] %q%u@%d "}};  // as Debian's clusters have it
  fs::permissions(dir_.path(), fs::perms(0755));
}

void Ground::set(const std::string& name, const std::string& value) {
  options_.settings.emplace_back(name, value);
}

std::unique_ptr<Volume> Ground::make_volume(std::string_view name, const std::string& size) {
  const auto dir = dir_ / std::string(name);
  fs::create_directory(dir);
  auto volume = std::make_unique<Volume>(dir, size);
  if (!volume->attach()) throw std::runtime_error("a tmpfs could not be mounted");
  test::give_to_server(volume->place());
  return volume;
}

void Ground::put_data_on_volume(const std::string& size) {
  data_ = make_volume("data", size);
  options_.data_dir = data_->place() / "data";
}

void Ground::add_disk(const std::string& size) { disk_ = make_volume("disk", size); }

Site::Site(std::unique_ptr<Ground> ground)
    : ground_(std::move(ground)), server_(ground_->options()) {
  write_config();
}

Site::~Site() {
  held_.clear();  // first: whoever listens on the server's port keeps the writer waiting
  writer_.reset();
  end_guard();
  static_cast<void>(app::end_strays(config_.state_dir, kStraysEnd));
}

void Site::write_config() {
  std::ofstream(dir() / "pgkeel.toml")
      << fmt::format(kConfig, dir().string(), server_.data_dir().string(),
                     server_.bin_dir().string(), server_.log_file().string(), server_.port(),
                     acts() ? "act" : "advise")
      << (acts() ? fmt::format(kActs, kBallast, dir().string()) : std::string());
  config_.state_dir = dir() / "state";
}

void Site::start_guard() {
  runtime::ProcessSpec spec;
  spec.argv = {program(), "guard", "--config", (dir() / "pgkeel.toml").string()};
  spec.working_dir = dir();
  spec.output_file = dir() / "guard.log";
  spec.session = runtime::ProcessSpec::Session::New;
  auto started = runtime::start_process(spec);
  if (!started) throw std::runtime_error(started.error().message());
  guard_.emplace(std::move(*started));
}

void Site::kill_postmaster() {
  static_cast<void>(postmaster_->signal(SIGKILL));
  if (!test::wait_until([this] { return !postmaster_->alive(); }))
    throw std::runtime_error("a killed postmaster did not go away");
  static_cast<void>(server_.running());  // reaps it
}

void Site::kill_guard() {
  static_cast<void>(guard_->signal(SIGKILL));
  static_cast<void>(loop_.run_until_complete(guard_->wait_exit(loop_, loop_.after(kGuardEnds))));
  if (guard_->alive()) throw std::runtime_error("a killed guard did not go away");
}

void Site::hold_guard() {
  if (!guard_->signal(SIGSTOP)) throw std::runtime_error("the guard could not be stopped");
}

void Site::let_guard_go() {
  if (!guard_->signal(SIGCONT)) throw std::runtime_error("the guard could not be continued");
}

void Site::end_guard() noexcept {
  if (!guard_ || !guard_->alive()) return;
  static_cast<void>(guard_->signal(SIGTERM));
  const auto ended = loop_.run_until_complete(guard_->wait_exit(loop_, loop_.after(kGuardEnds)));
  if (ended && !guard_->alive()) return;
  static_cast<void>(guard_->signal(SIGKILL));
  static_cast<void>(loop_.run_until_complete(guard_->wait_exit(loop_, loop_.after(kGuardEnds))));
}

bool Site::knows_everything() const {
  constexpr auto kTables = std::to_array<std::string_view>(
      {"ledger", "orders", "baskets", "visits", "locked", "invoices", "payments"});
  auto store = incident::Store::open_read_only(config_.state_dir);
  if (!store) return false;
  const incident::Ledger ledger(**store);
  const auto files = ledger.config_files();
  return files && !files->empty() && lists(ledger, "crm", "contacts") &&
         std::ranges::all_of(kTables,
                             [&](std::string_view table) { return lists(ledger, "shop", table); });
}

void Site::await_knowing() {
  const auto ready = [this] {
    if (!guard_->alive()) return true;
    const auto status = app::GuardClient(config_).get("/api/v1/status");
    return status && app::text_of(*status, "state") == "up" && knows_everything();
  };
  if (test::wait_until(ready) && guard_->alive()) return;
  throw std::runtime_error("the guard did not come to know the server: " + guard_words());
}

bool Site::has_backup() const {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(dir() / "archive" / "backups", error))
    if (fs::exists(entry.path() / "backup.json", error)) return true;
  return false;
}

bool Site::is_proven() const {
  std::error_code error;
  const auto proofs = fs::recursive_directory_iterator(dir() / "archive" / "backups", error);
  return std::ranges::any_of(proofs, [](const auto& entry) {
    return entry.path().filename().string().ends_with("-drill.json");
  });
}

bool Site::commits_wait() {
  return server_.query("select count(*) from pg_stat_replication where sync_state = 'sync'") == "1";
}

void Site::protect() {
  if (!acts()) return;
  start_guard();
  if (!test::wait_until([this] { return has_backup() && commits_wait(); }, kBackupMost))
    throw std::runtime_error("no backup was made: " + guard_words());
  // Proven, too, where there is room for it: or its drill meets the fault, and is tried again much
  // later.
  static_cast<void>(test::wait_until([this] { return is_proven(); }, kProofMost));
  run_pgkeel({"pause"});
}

void Site::stand() {
  auto postmaster = runtime::ProcessHandle::open(server_.pid());
  if (!postmaster) throw std::runtime_error(postmaster.error().message());
  postmaster_.emplace(std::move(*postmaster));
  if (acts()) run_pgkeel({"resume"});
  else start_guard();
  await_knowing();
  auto conninfo = pg::parse_conninfo(server_.conninfo("shop"));
  if (!conninfo) throw std::runtime_error(conninfo.error().message());
  writer_ = std::make_unique<app::Writer>(std::move(*conninfo));
  if (!test::wait_until([this] { return writer_->tally().acknowledged > 0; }))
    throw std::runtime_error("the writer could not write");
  const auto already = incidents();
  if (!already.empty())
    throw std::runtime_error("named before anything was injected: " + already.front().cause);
  writer_->mark();
}

std::vector<Named> Site::incidents() {
  const auto answer = app::GuardClient(config_).get("/api/v1/incidents");
  if (!answer || !app::member(*answer, "incidents").is_array()) return {};
  const auto lesser = [](const Named& one) { return -rank_of(one.cause); };
  std::vector<Named> named;
  for (const auto& one : app::member(*answer, "incidents")) {
    const auto state = app::text_of(one, "state");
    if (state == "closed" || state == "watching") continue;
    Named next{app::text_of(one, "cause"), app::text_of(one, "subject")};
    const auto behind = std::ranges::upper_bound(named, lesser(next), {}, lesser);
    named.insert(behind, std::move(next));
  }
  return named;
}

Result<runtime::ProcessOutput> Site::ask_pgkeel(const std::vector<std::string>& words) {
  runtime::ProcessSpec spec;
  spec.argv = {program()};
  spec.argv.insert(spec.argv.end(), words.begin(), words.end());
  spec.argv.insert(spec.argv.end(), {"--config", (dir() / "pgkeel.toml").string()});
  spec.working_dir = dir();
  return loop_.run_until_complete(
      runtime::run_process(loop_, std::move(spec), loop_.after(kProgramMost)));
}

std::string Site::run_pgkeel(const std::vector<std::string>& words) {
  const auto output = ask_pgkeel(words);
  if (!output) throw std::runtime_error(output.error().message());
  if (!output->exit.ok())
    throw std::runtime_error(fmt::format("pgkeel {}: {}", fmt::join(words, " "), output->err));
  return output->out;
}

std::vector<Named> Site::ask_doctor() {
  const auto output = ask_pgkeel({"doctor", "--json"});
  if (!output) return {};
  const auto report = app::parse_json(output->out);
  return report ? named_in(app::member(*report, "findings")) : std::vector<Named>{};
}

app::Writer::Tally Site::tally() const { return writer_ ? writer_->tally() : app::Writer::Tally{}; }

std::string Site::guard_words() const {
  return runtime::read_file_tail(dir() / "guard.log", kWordsMax).value_or("no log");
}

}  // namespace pgkeel::chaos
