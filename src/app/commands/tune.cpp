// pgkeel tune: the settings of the server that make trouble explainable and bounded; shown first,
// changed on request.
#include <fmt/format.h>

#include <algorithm>

#include "app/commands/commands.hpp"
#include "app/journaling.hpp"
#include "app/psql_target.hpp"
#include "app/render.hpp"
#include "maintain/settings.hpp"

namespace pgkeel::app {
namespace {

using maintain::Proposal;
using Kind = Proposal::Kind;

std::string_view word_of(Kind kind) {
  switch (kind) {
    case Kind::Apply: return "apply";
    case Kind::Elsewhere: return "elsewhere";
    case Kind::Choose: break;
  }
  return "choose";
}

Json json_of(const std::vector<Proposal>& proposals) {
  Json list = Json::array();
  for (const auto& one : proposals)
    list.push_back({{"name", one.name},
                    {"kind", word_of(one.kind)},
                    {"now", one.now},
                    {"wanted", one.wanted},
                    {"why", one.why},
                    {"restart", one.restart}});
  return list;
}

Json json_of(const maintain::Changes& changes) {
  Json list = Json::array();
  for (const auto& one : changes.done)
    list.push_back({{"name", one.name},
                    {"now", one.now},
                    {"waits_for_restart", one.waits_for_restart},
                    {"confirmed", one.confirmed},
                    {"take_back", one.take_back}});
  return list;
}

void show_some(Sheet& sheet, const std::vector<Proposal>& proposals, Kind kind,
               std::string_view label) {
  bool first = true;
  for (const auto& one : proposals) {
    if (one.kind != kind) continue;
    const auto now = one.now.empty() ? std::string("''") : one.now;
    const auto line = fmt::format("{}: {} -> {}{}", one.name, now, one.wanted,
                                  one.restart ? " (at the next start)" : "");
    if (first) sheet.block(label, line);
    else sheet.line(line);
    sheet.line("  " + std::string(one.why));
    first = false;
  }
}

std::string render(const std::vector<Proposal>& proposals, const Look& look) {
  if (proposals.empty()) return "Every setting is as it should be.\n";
  Sheet sheet(look);
  show_some(sheet, proposals, Kind::Apply, "Would set");
  show_some(sheet, proposals, Kind::Elsewhere, "Elsewhere");
  show_some(sheet, proposals, Kind::Choose, "To decide");
  auto text = sheet.take();
  const auto is = [](Kind kind) { return [kind](const auto& one) { return one.kind == kind; }; };
  if (std::ranges::any_of(proposals, is(Kind::Elsewhere)))
    text +=
        "What stands under 'Elsewhere' is given on the server's command line (of its container, "
        "its unit): change it there.\n";
  if (std::ranges::any_of(proposals, is(Kind::Apply)))
    text += "Nothing was changed. 'pgkeel tune --apply' sets the first part, '--only NAME' one.\n";
  return text;
}

std::string_view what_else(const maintain::Changed& one) {
  if (one.waits_for_restart) return ", and waits for a restart of the server";
  if (!one.confirmed) return ": it was set, but new sessions do not have it; something outranks it";
  return "";
}

void show(const maintain::Changes& changes) {
  for (const auto& one : changes.done) {
    fmt::print("{} is {}{}\n", one.name, one.now.empty() ? "''" : one.now, what_else(one));
    fmt::print("  taken back by: {};\n", one.take_back);
  }
  if (!changes.failure && changes.done.empty()) fmt::print("There was nothing to set.\n");
}

Result<std::vector<Proposal>> chosen(const Invocation& invocation,
                                     std::vector<Proposal> proposals) {
  const auto names = invocation.values.find("--only");
  if (names == invocation.values.end()) return proposals;
  std::vector<Proposal> some;
  for (const auto& name : names->second) {
    const auto found = std::ranges::find(proposals, name, &Proposal::name);
    if (found == proposals.end())
      return fail(Error(ErrorCode::Usage, fmt::format("nothing is proposed for '{}'", name))
                      .with_hint("'pgkeel tune' shows what is."));
    some.push_back(*found);
  }
  return some;
}

std::string names_of(const std::vector<Proposal>& proposals) {
  std::string names;
  for (const auto& one : proposals)
    if (one.kind == Kind::Apply) names += (names.empty() ? "" : ", ") + one.name;
  return names.empty() ? "nothing" : names;
}

Result<int> apply(const Config& config, const Invocation& invocation,
                  const maintain::ServerAccess& access, maintain::ServerSettings before,
                  std::vector<Proposal> proposals) {
  if (config.mode == Mode::Advise)
    return fail(Error(ErrorCode::AdviceOnly, "nothing was set: mode is \"advise\"")
                    .with_hint("Set mode = \"act\", or run the statements by hand."));
  Journaling journal(config, "tune_apply");
  journal.begin(names_of(proposals));
  const auto changes = access.loop->run_until_complete(
      maintain::change_settings(&access, std::move(before), std::move(proposals)));
  for (const auto& one : changes.done) journal.end(one.name, nullptr);
  if (changes.failure) journal.end(changes.failed_at, &*changes.failure);
  if (invocation.global.json) fmt::print("{}", to_line(Json{{"changed", json_of(changes)}}));
  else show(changes);
  if (!changes.failure) return 0;
  auto why = *changes.failure;
  return fail(std::move(why).with_context(
      fmt::format("setting {} ({} done before it)", changes.failed_at, changes.done.size())));
}

Result<int> run(const Invocation& invocation) {
  TRY(config, invocation.load());
  TRY(server, find_server_target(config));
  runtime::Loop loop;
  const maintain::ServerAccess access{&loop, server.conninfo, server.connect_as};
  TRY(settings, loop.run_until_complete(maintain::read_settings(&access)));
  TRY(proposals, chosen(invocation, maintain::propose(settings)));
  if (invocation.has("--apply"))
    return apply(config, invocation, access, std::move(settings), std::move(proposals));
  if (invocation.global.json) fmt::print("{}", to_line(Json{{"proposed", json_of(proposals)}}));
  else fmt::print("{}", render(proposals, invocation.look));
  return 0;
}

}  // namespace

CommandSpec tune_command() {
  return {.name = "tune",
          .summary = "the server's settings: shown first, changed on request",
          .details =
              "Compares the server's settings with what makes trouble explainable and bounded: "
              "what its log says of whom, when vanished clients are noticed, what keeps it "
              "recoverable. Shows each with the reason; with --apply sets them by ALTER SYSTEM, "
              "one after the other, and shows the statement that takes each back. Never restarts "
              "the server. Works without a running guard.",
          .example = "pgkeel tune --apply --only log_statement",
          .options = {{.names = "--apply", .help = "set what is shown under 'Would set'"},
                      {.names = "--only",
                       .value = "NAME",
                       .help = "this setting only; may be given again",
                       .takes = OptionSpec::Takes::Many}},
          .run = run};
}

}  // namespace pgkeel::app
