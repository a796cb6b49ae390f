// See runbook.hpp.
#include "recover/runbook.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "incident/prevention.hpp"
#include "recover/playbook.hpp"
#include "recover/remedy.hpp"

namespace pgkeel::recover {
namespace {

using diagnose::Cause;

// What remedy_for() chooses instead of the table's playbook, and when.
struct Instead {
  Cause cause;
  std::string_view playbook;
  std::string_view when;
};
constexpr auto kInstead = std::to_array<Instead>({
    {Cause::ServerHung, "resume_server", "its main process is merely stopped (SIGSTOP)"},
    {Cause::ControlFileLost, "put_control_file_back", "the server still runs"},
    {Cause::VolumeLost, "restore_data", "there is an archive"},
    {Cause::DiskFull, "restart_server", "the server is down and was not started since"},
    {Cause::WalDiskFull, "restart_server", "the server is down and was not started since"},
    {Cause::TableDropped, "restore_table", "there is an archive and the policy is `restore`"},
    {Cause::DatabaseDropped, "restore_database", "there is an archive and the policy is `restore`"},
});

const Remedy& remedy_of(Cause cause) {
  return *std::ranges::find(remedy_table(), cause, &Remedy::cause);
}

std::string_view grade_words(Grade grade) {
  switch (grade) {
    case Grade::Automatic: return "**Automatic**: it needs no further condition.";
    case Grade::Guarded: return "**Guarded**: only while what each step needs holds.";
    case Grade::Human: return "**Human**: the guard names it, shows the evidence, and waits.";
  }
  return "";
}

std::string needs_of(const Step& step) {
  std::vector<std::string_view> words;
  for (const auto* need : step.needs)
    if (need != nullptr) words.push_back(need->must_hold);
  if (words.empty()) return "nothing";
  const auto* const over = step.unmet == Unmet::PassesOver ? "; passed over where not" : "";
  return fmt::format("{}{}", fmt::join(words, "; "), over);
}

std::string back_of(const Step& step) {
  if (step.effect == Effect::None) return "it only looks";
  if (step.effect == Effect::Final) return fmt::format("final: {}", step.undo);
  return std::string(step.undo);
}

std::string playbook_section(const Playbook& playbook, std::string_view when) {
  auto text =
      fmt::format("### `{}`\n\n{}{}{}\n\n| step | needs that | way back |\n|---|---|---|\n",
                  playbook.name, playbook.purpose, when.empty() ? "" : " Used where ", when);
  if (!when.empty()) text.insert(text.find("\n\n|"), ".");
  for (const auto& step : playbook.steps)
    text += fmt::format("| `{}` | {} | {} |\n", step.name, needs_of(step), back_of(step));
  return text + fmt::format("\nIt counts when {}.\n", playbook.verified_by);
}

std::string guard_section(Cause cause) {
  const auto& remedy = remedy_of(cause);
  auto text = fmt::format("\n## What the guard does\n\n{}\n", grade_words(remedy.grade));
  if (remedy.starts_server) text += "Each try counts against `recover.restarts`.\n";
  if (!remedy.playbook.empty())
    text += "\n" + playbook_section(playbook_by_name(remedy.playbook), "");
  for (const auto& instead : kInstead)
    if (instead.cause == cause)
      text += "\n" + playbook_section(playbook_by_name(instead.playbook), instead.when);
  if (!remedy.waits_for.empty())
    text += fmt::format("\nWhere nothing is done it waits for {}.\n", remedy.waits_for);
  return text;
}

// One task a line in the table, one item here.
std::string as_list(std::string_view lines) {
  std::string text;
  while (!lines.empty()) {
    const auto end = std::min(lines.find('\n'), lines.size());
    text += fmt::format("- [ ] {}\n", lines.substr(0, end));
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
  return text;
}

std::string person_section(std::string_view name) {
  const auto* row = incident::prevention_of(name);
  if (row == nullptr) return {};
  incident::Incident example;
  example.cause = name;
  example.subject = "SUBJECT";
  return fmt::format(
      "\n## What you do\n\nBegin with `{}`. `pgkeel incident abandon` takes it out of the guard's "
      "hands, `pgkeel incident resume` gives it back.\n\nAfterwards:\n\n{}\n"
      "## What would have prevented it\n\n{}\n",
      incident::first_command(example), as_list(row->follow_up), row->prevented);
}

}  // namespace

std::string runbook_markdown(Cause cause) {
  return std::string(kRunbookMark) + guard_section(cause) +
         person_section(diagnose::cause_info(cause).name);
}

std::string runbooks_index() {
  std::string text =
      "# Runbooks\n\nOne page for each cause the guard names: what happened, what the guard does, "
      "step by step,\nand what is left to a person. `pgkeel doctor` and every alert say the cause "
      "by this name.\n\n| cause | |\n|---|---|\n";
  for (const auto& cause : diagnose::cause_table())
    text += fmt::format("| [`{0}`]({0}.md) | {1} |\n", cause.name, cause.sentence);
  return text;
}

}  // namespace pgkeel::recover
