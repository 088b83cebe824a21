! The library's routines that `rules.h` has its own of. Include it before `parser`.
Replace DrawStatusLine;
Replace QuitSub;
Replace RestartSub;
Replace SaveSub;
Replace RestoreSub;
Replace ScriptOnSub;
Replace ScriptOffSub;
Replace CommandsOnSub;
Replace CommandsOffSub;
Replace CommandsReadSub;
Release 1;
! fixed, so that the same source always gives the same file
Serial "250101";
