// A strict reader of Prometheus' text format 0.0.4 for tests: where promtool is not installed, this
// says whether a scrape would be accepted, and it hands out the samples by "name{labels}".
#pragma once

#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>

namespace pgkeel::test {

struct Exposition {
  std::map<std::string, double> samples;
  std::string complaint;  ///< the first thing that is wrong; empty when nothing is
};

class ExpositionReader {
 public:
  Exposition read(const std::string& text) {
    if (text.empty() || text.back() != '\n') complain("the text does not end with a newline", "");
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with("# HELP ")) read_help(line);
      else if (line.starts_with("# TYPE ")) read_type(line);
      else read_sample(line);
    }
    return std::move(result_);
  }

 private:
  void complain(std::string_view what, const std::string& line) {
    if (result_.complaint.empty()) result_.complaint = std::string(what) + ": " + line;
  }

  void read_help(const std::string& line) {
    static const std::regex kHelp("# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)");
    std::smatch match;
    if (!std::regex_match(line, match, kHelp)) return complain("bad HELP", line);
    family_ = match[1];
    type_.clear();
    if (!families_.insert(family_).second) complain("family seen twice", line);
  }

  void read_type(const std::string& line) {
    static const std::regex kType("# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge)");
    std::smatch match;
    if (!std::regex_match(line, match, kType)) return complain("bad TYPE", line);
    if (match[1] != family_) complain("TYPE without its HELP", line);
    type_ = match[2];
    if ((type_ == "counter") != family_.ends_with("_total"))
      complain("a counter ends in _total and nothing else does", line);
  }

  void read_sample(const std::string& line) {
    static const std::regex kSample(
        R"(([a-zA-Z_:][a-zA-Z0-9_:]*)(\{([^{}"\\]|"([^"\\]|\\\\|\\"|\\n)*")*\})? (\S+))");
    static const std::regex kLabels(
        R"(\{([a-zA-Z_][a-zA-Z0-9_]*="([^"\\]|\\\\|\\"|\\n)*")(,[a-zA-Z_][a-zA-Z0-9_]*="([^"\\]|\\\\|\\"|\\n)*")*\})");
    std::smatch match;
    if (!std::regex_match(line, match, kSample)) return complain("bad sample", line);
    const std::string labels = match[2];
    const std::string number = match[5];
    if (match[1] != family_ || type_.empty()) complain("sample outside its family", line);
    if (!labels.empty() && !std::regex_match(labels, kLabels)) complain("bad labels", line);
    std::size_t used = 0;
    const double value = std::stod(number, &used);
    if (used != number.size()) complain("bad value", line);
    if (!result_.samples.emplace(std::string(match[1]) + labels, value).second)
      complain("series seen twice", line);
  }

  std::string family_;
  std::string type_;
  std::set<std::string> families_;
  Exposition result_;
};

inline Exposition parse_prometheus(const std::string& text) {
  return ExpositionReader().read(text);
}

}  // namespace pgkeel::test
