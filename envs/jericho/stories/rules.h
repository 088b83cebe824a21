! What all stories do alike. Include it between `parser` and `verblib`.
!
! - An answer that holds `[!]` is a refusal: the command was not understood, or changed nothing. Looking
!   (look, inventory, examine, search, listen, smell, wait) is no refusal. A story marks its own refusals.
! - `all` means nothing: a command is about the things that it names.
! - There is no status line and no prompt: all that is told is in the answer.
! - A story has no score, no death and no end, and writes no files; whoever runs it decides when it is over.
! - `variant` (1 to 3) is drawn from the interpreter's seed and decides where things are and what fits.

Constant NO_SCORE;
Global variant = 1;

! Is the library's message no refusal? What it has no line for here is one.
[ Granted;
    switch (action) {
        ##Look, ##Inv, ##Examine, ##Search, ##LookUnder, ##Listen, ##Smell, ##Wait, ##ListMiscellany,
        ##Version, ##Pronouns, ##Score, ##LMode1, ##LMode2, ##LMode3:
            rtrue;
        ##Take:                     return (lm_n == 1 or 13);
        ##Drop, ##SwitchOn, ##SwitchOff: return (lm_n == 3);
        ##Insert:                   return (lm_n == 6 or 8 or 9);
        ##PutOn:                    return (lm_n == 5 or 7 or 8);
        ##Open:                     return (lm_n == 4 or 5 or 6);
        ##Close:                    return (lm_n == 3 or 4);
        ##Lock:                     return (lm_n == 5);
        ##Unlock:                   return (lm_n == 4 or 5);
        ##Enter:                    return (lm_n == 5 or 6 or 7);
        ##Exit:                     return (lm_n == 3 or 5 or 6);
        ##Wear:                     return (lm_n == 4);
        ##Disrobe:                  return (lm_n == 2 or 3);
        ##Go:                       return (lm_n == 7);
        ##Miscellany:
            return (lm_n < 6 || lm_n == 8 or 9 or 13 or 18 or 19 or 26 || (lm_n > 49 && lm_n ~= 59));
    }
    rfalse;
];

Object LibraryMessages
  with before [;
    if (action == ##Prompt) rtrue;
    if (~~Granted()) print "[!] ";
    rfalse;
  ];

[ ChooseObjects obj code;
    if (code < 2) return 2;
    if (obj hasnt scenery) return 1;
    return 0;
];

[ DrawStatusLine; ];

[ Begin;
    variant = random(3);
    lookmode = 2;
];

[ QuitSub; "[!] You can't leave the story that way."; ];
[ RestartSub; "[!] There is no way back to the beginning."; ];
[ SaveSub; "[!] This story can't be saved."; ];
[ RestoreSub; "[!] There is nothing to restore."; ];
[ ScriptOnSub; "[!] This story keeps no transcript."; ];
[ ScriptOffSub; ScriptOnSub(); ];
[ CommandsOnSub; ScriptOnSub(); ];
[ CommandsOffSub; ScriptOnSub(); ];
[ CommandsReadSub; ScriptOnSub(); ];
