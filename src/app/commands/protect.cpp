// pgkeel protect: who may drop what; a check that refuses drops nobody declared, and a record of
// every DDL in the server's log: shown first, set up on request, off by one option.
#include <fmt/format.h>

#include <algorithm>

#include "app/api_client.hpp"
#include "app/commands/commands.hpp"
#include "app/commands/protect_ownership.hpp"
#include "app/journaling.hpp"
#include "app/psql_target.hpp"
#include "app/render.hpp"
#include "maintain/protection.hpp"
#include "maintain/rights.hpp"

namespace pgkeel::app {
namespace {

using maintain::Protection;
using maintain::ServerAccess;
using maintain::Verdict;
using runtime::Task;

constexpr Millis kWindowMax{24 * 3'600'000};  // longer is --off

struct Review {
  std::vector<Verdict> verdicts;
  std::vector<Protection> protections;
};

Json json_of(const Protection& one) {
  return {{"database", one.database},
          {"state", to_string(one.state)},
          {"refuses", refuses(one, wall_now())},
          {"set_up", one.set_up},
          {"window_until", one.window_until ? Json(to_iso8601(*one.window_until)) : Json()},
          {"window_by", one.window_by}};
}

Json json_of(const std::vector<Protection>& protections) {
  Json list = Json::array();
  for (const auto& one : protections) list.push_back(json_of(one));
  return list;
}

Json json_of(const Review& review) {
  Json verdicts = Json::array();
  for (const auto& one : review.verdicts)
    verdicts.push_back({{"weight", to_string(one.weight)},
                        {"database", one.database},
                        {"role", one.role},
                        {"text", one.text},
                        {"helps", one.helps}});
  return {{"verdicts", std::move(verdicts)}, {"databases", json_of(review.protections)}};
}

std::string words_of(const Protection& one, WallTime now) {
  using enum Protection::State;
  switch (one.state) {
    case Off: return "off: whoever owns a table can drop it, by mistake too";
    case Damaged: return "damaged: parts of it are missing or disabled; --apply mends it";
    case Foreign: return "a schema pgkeel that pgkeel did not make stands in the way";
    case On:
    case Older:
    case Newer: break;
  }
  auto text = "on, " + one.set_up;
  if (one.window_until && *one.window_until > now)
    text = fmt::format("on, but drops are allowed until {} ({})", to_iso8601(*one.window_until),
                       one.window_by);
  if (one.state == Older) text += "; of an older pgkeel, --apply replaces it";
  if (one.state == Newer) text += "; of a newer pgkeel";
  return text;
}

void show_verdicts(Sheet& sheet, const Review& review, Verdict::Weight weight,
                   std::string_view label) {
  bool first = true;
  for (const auto& one : review.verdicts) {
    if (one.weight != weight) continue;
    if (first) sheet.block(label, one.text);
    else sheet.line(one.text);
    sheet.line("  helps: " + one.helps);
    first = false;
  }
}

std::string render(const Review& review, const Look& look) {
  Sheet sheet(look);
  show_verdicts(sheet, review, Verdict::Weight::Danger, "Danger");
  show_verdicts(sheet, review, Verdict::Weight::Note, "Also");
  bool first = true;
  for (const auto& one : review.protections) {
    const auto line = one.database + ": " + words_of(one, wall_now());
    if (first) sheet.block("Drops", line);
    else sheet.line(line);
    first = false;
  }
  auto text = sheet.take();
  const bool some_off = std::ranges::any_of(review.protections, [](const Protection& one) {
    return one.state != Protection::State::On && one.state != Protection::State::Newer;
  });
  text += "Nothing was changed.";
  if (some_off)
    text +=
        " 'pgkeel protect --apply' refuses DROP TABLE, DROP SCHEMA, DROP VIEW and DROP COLUMN "
        "unless the session says that it is meant, and records every DDL in the server's log; "
        "'--off' takes it back. TRUNCATE and DROP DATABASE it cannot see: only rights help there.";
  return text + "\n";
}

Task<Result<std::vector<std::string>>> chosen(const ServerAccess* access, const Config* config,
                                              const Invocation* invocation) {
  const auto named = invocation->values.find("--database");
  if (named != invocation->values.end()) co_return named->second;
  if (!config->instance.databases.empty()) co_return config->instance.databases;
  auto all = co_await maintain::list_databases(access);
  co_return all;
}

std::string application_role(const Config& config) {
  return config.application.configured() ? config.application.role_name() : std::string();
}

Task<Result<Review>> look_around(const ServerAccess* access, const Config* config,
                                 const std::vector<std::string>* databases) {
  maintain::Rights rights;
  auto roles = co_await maintain::look_at_roles(access);
  if (!roles) co_return fail(roles.error());
  rights.roles = std::move(*roles);
  Review review;
  for (const auto& database : *databases) {
    auto found = co_await maintain::look_at_rights(access, database);
    if (!found) co_return fail(std::move(found).error().with_context("looking at " + database));
    rights.databases.push_back(std::move(*found));
    auto protection = co_await maintain::look_at_protection(access, database);
    if (!protection) co_return fail(protection.error());
    review.protections.push_back(std::move(*protection));
  }
  review.verdicts = maintain::judge(rights, application_role(*config));
  co_return review;
}

/// What is asked for besides looking.
struct Change {
  enum class Kind { None, Apply, Off, Window } kind = Kind::None;
  std::optional<WallTime> until;  ///< of a window; none: it is closed
};

Result<Change> change_of(const Invocation& invocation) {
  const auto count = static_cast<int>(invocation.has("--apply")) +
                     static_cast<int>(invocation.has("--off")) +
                     static_cast<int>(invocation.has("--window"));
  if (count > 1)
    return fail(ErrorCode::Usage, "--apply, --off and --window are three different things");
  if (invocation.has("--ownership") && (invocation.has("--off") || invocation.has("--window")))
    return fail(ErrorCode::Usage, "--ownership goes with --apply, or alone: then it is only shown");
  if (invocation.has("--apply")) return Change{Change::Kind::Apply, {}};
  if (invocation.has("--off")) return Change{Change::Kind::Off, {}};
  const auto window = invocation.value("--window");
  if (!window) return Change{};
  if (*window == "off") return Change{Change::Kind::Window, {}};
  const auto length = parse_duration(*window);
  if (!length || length->count() <= 0 || *length > kWindowMax)
    return fail(Error(ErrorCode::Usage, fmt::format("--window '{}' is no duration", *window))
                    .with_hint("Write 30m or 2h, at most 24h; 'off' closes it."));
  return Change{Change::Kind::Window, wall_now() + *length};
}

std::string_view word_of(Change::Kind kind) {
  if (kind == Change::Kind::Off) return "protect_off";
  return kind == Change::Kind::Window ? "protect_window" : "protect_apply";
}

Task<Result<Protection>> change_one(const ServerAccess* access, const Change* change,
                                    std::string database) {
  if (change->kind == Change::Kind::Apply) {
    auto now = co_await maintain::protect(access, std::move(database), who_asks());
    co_return now;
  }
  if (change->kind == Change::Kind::Off) {
    auto now = co_await maintain::unprotect(access, std::move(database));
    co_return now;
  }
  auto now = co_await maintain::set_window(access, std::move(database), change->until, who_asks());
  co_return now;
}

void show_changed(const Protection& one) {
  fmt::print("{}: {}\n", one.database, words_of(one, wall_now()));
}

Result<int> make(const Config& config, const Invocation& invocation, const ServerAccess& access,
                 const std::vector<std::string>& databases, const Change& change) {
  if (config.mode == Mode::Advise)
    return fail(Error(ErrorCode::AdviceOnly, "nothing was changed: mode is \"advise\"")
                    .with_hint("Set mode = \"act\" in the configuration."));
  OwnershipPlans plans;
  if (invocation.has("--ownership")) {
    TRY(given, make_ownerships(config, invocation, access, databases));
    plans = std::move(given);
  }
  std::vector<Protection> done;
  std::optional<Error> failure;
  Journaling journal(config, std::string(word_of(change.kind)));
  for (const auto& database : databases) {
    journal.begin(database);
    auto now = access.loop->run_until_complete(change_one(&access, &change, database));
    journal.end(database, now ? nullptr : &now.error());
    if (!now) {
      failure = std::move(now).error().with_context(
          fmt::format("database {} ({} done before it)", database, done.size()));
      break;
    }
    done.push_back(std::move(*now));
  }
  if (invocation.global.json)
    fmt::print("{}",
               to_line(Json{{"changed", json_of(done)}, {"ownership", ownerships_json(plans)}}));
  else std::ranges::for_each(done, show_changed);
  if (failure) return fail(*std::move(failure));
  if (!invocation.global.json && change.kind == Change::Kind::Apply)
    fmt::print("Taken back by: pgkeel protect --off\n");
  return 0;
}

Result<int> run(const Invocation& invocation) {
  TRY(config, invocation.load());
  TRY(change, change_of(invocation));
  TRY(server, find_server_target(config));
  runtime::Loop loop;
  const ServerAccess access{&loop, server.conninfo, server.connect_as};
  TRY(databases, loop.run_until_complete(chosen(&access, &config, &invocation)));
  if (change.kind == Change::Kind::None && invocation.has("--ownership")) {
    TRY(plans, plan_ownerships(config, invocation, access, databases));
    return show_ownerships(invocation, plans);
  }
  if (change.kind != Change::Kind::None) return make(config, invocation, access, databases, change);
  TRY(review, loop.run_until_complete(look_around(&access, &config, &databases)));
  if (invocation.global.json) fmt::print("{}", to_line(json_of(review)));
  else fmt::print("{}", render(review, invocation.look));
  return 0;
}

}  // namespace

CommandSpec protect_command() {
  return {.name = "protect",
          .summary = "who may drop what; refuse drops nobody declared, record every DDL",
          .details =
              "Says for each database which roles can drop its tables and what helps. With "
              "--apply it installs event triggers (schema pgkeel) that refuse DROP of tables, "
              "views, schemas and columns unless the session said SET pgkeel.allow_drop = 'on' or "
              "a window is open, and that write each DDL into the server's log. The check lets "
              "through what it cannot judge. With --ownership it also takes from the application "
              "the right to drop, which changes what migrations may do. Needs a superuser; works "
              "without a running guard.",
          .example = "pgkeel protect --window 30m --database shop",
          .options = {{.names = "--apply", .help = "install it, or bring it up to date"},
                      {.names = "--off", .help = "remove all of it"},
                      {.names = "--window",
                       .value = "DURATION",
                       .help = "allow drops for so long, at most 24h; 'off' closes the window"},
                      {.names = "--ownership",
                       .value = "OWNER",
                       .help = "show how all the application owns is given to this role, which "
                               "nobody logs in as; with --apply do it"},
                      {.names = "--of",
                       .value = "ROLE",
                       .help = "the application's role, where it cannot be told"},
                      {.names = "--database",
                       .value = "NAME",
                       .help = "this database only; may be given again; default: "
                               "instance.databases, else all",
                       .takes = OptionSpec::Takes::Many}},
          .run = run};
}

}  // namespace pgkeel::app
