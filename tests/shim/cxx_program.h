// Parts of cxx_program.cpp that its generated tables need: JSON in and out, structs by the names of their members.
#pragma once

#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

// --- structs ---------------------------------------------------------------------------------------------------------

enum class Kind { CHAR_, TEXT_, PIECE_, INT_, SHORT_, DOUBLE_ };

struct Member {
    const char *name;
    Kind kind;
    size_t offset, size;
};

struct Table {
    const char *name;
    size_t size;
    std::vector<Member> members;
};

template <typename Struct> struct Of { static const Table table; };

// --- JSON ------------------------------------------------------------------------------------------------------------

struct Json {
    enum Type { NUL, BOOLEAN, NUMBER, TEXT, LIST, OBJECT } type = NUL;
    double number = 0;
    std::string text;
    std::vector<Json> list;
    std::vector<std::pair<std::string, Json>> members;

    bool has(const char *name) const { return find(name) != nullptr; }
    const Json &at(const char *name) const {
        const Json *found = find(name);
        if (!found) throw std::runtime_error(std::string("no ") + name);
        return *found;
    }

  private:
    const Json *find(const char *name) const {
        for (const auto &one : members) {
            if (one.first == name) return &one.second;
        }
        return nullptr;
    }
};

Json parse(const std::string &text);
std::string quoted(const std::string &text);
std::string hex(const char *data, size_t size);
std::string bytes_of(const Json &value);

// What a method of an Api returned.
struct Value {
    std::string json = "null";
    Value() {}
    explicit Value(int number) : json(std::to_string(number)) {}
    explicit Value(const char *text) : json(text ? quoted(text) : "null") {}
};

// --- arguments of a call ---------------------------------------------------------------------------------------------

// Keeps what the pointers point to, for the time of the call.
struct Arguments {
    const std::vector<Json> &given;
    void *own_spi = nullptr;
    mutable std::vector<std::unique_ptr<std::string>> kept;
    mutable std::vector<std::unique_ptr<std::vector<char *>>> lists;
    mutable std::vector<std::string> shown;

    explicit Arguments(const std::vector<Json> &all) : given(all), shown(all.size(), "null") {}
    const Json &at(size_t place) const;
    int number(size_t place) const { return static_cast<int>(at(place).number); }
    char *text(size_t place) const;
    char **names(size_t place) const;
    // null: none; anything else: the Api's own.
    void *spi(size_t place) const { return at(place).type == Json::NUL ? nullptr : own_spi; }
    template <typename Struct> Struct *field(size_t place) const {
        return reinterpret_cast<Struct *>(memory(place, Of<Struct>::table));
    }
    char *memory(size_t place, const Table &table) const;
    mutable std::vector<std::pair<const Table *, char *>> fields;
};

template <typename Api> using Call = Value (*)(Api &, const Arguments &);

// --- what is told ----------------------------------------------------------------------------------------------------

std::string show(const Table &table, const void *field);
inline std::string show(int number) { return std::to_string(number); }
inline std::string show(bool value) { return value ? "true" : "false"; }
template <typename Struct> std::string show(Struct *field) { return show(Of<Struct>::table, field); }

struct Ear {
    std::string api;
    explicit Ear(const std::string &name) : api(name) {}
    void tell(const char *callback, const std::string &arguments);
    template <typename... Types> void heard(const char *callback, Types... values) {
        std::string all;
        ((all += (all.empty() ? "" : ", ") + show(values)), ...);
        tell(callback, all);
    }
};
