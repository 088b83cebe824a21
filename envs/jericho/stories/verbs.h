! Verbs that the library lacks. Include it after `grammar`.

[ PourSub;
    if (second == nothing) "[!] Pour it into what?";
    print_ret "[!] Pouring ", (the) noun, " there would only make a mess.";
];

[ TuneSub;
    print_ret "[!] ", (The) noun, " can't be set to a number.";
];

[ FitSub; if (second has supporter) <<PutOn noun second>>; <<Insert noun second>>; ];

[ UseSub; "[!] Say what you do with it."; ];

[ WaterSub;
    print_ret "[!] ", (The) noun, " needs no watering.";
];

[ RepairSub;
    print_ret "[!] That would not mend ", (the) noun, ".";
];

Verb 'pour'
    * held                                      -> Pour
    * held 'in'/'into'/'on'/'onto'/'over' noun  -> Pour;
Verb 'tune'
    * noun 'to' number                          -> Tune
    * noun 'to' 'channel' number                -> Tune;
Extend 'set' first
    * noun 'to' number                          -> Tune
    * noun 'to' 'channel' number                -> Tune;
Extend 'turn' first
    * noun 'to' number                          -> Tune
    * noun 'to' 'channel' number                -> Tune;
Extend 'fill' last
    * noun 'with'/'at' noun                     -> Fill;
Extend only 'attach' 'connect' replace
    * noun 'to' noun                            -> Fit;
Verb 'add' 'mix' 'stir'
    * held 'to'/'in'/'into'/'with' noun         -> Fit;
Verb 'strike' 'ignite'
    * noun                                      -> Burn;
Verb 'use'
    * noun                                      -> Use
    * noun 'on'/'with' noun                     -> Use;
Verb 'fit'
    * held 'in'/'into'/'to'/'on'/'onto' noun    -> Fit;
Verb 'water'
    * noun                                      -> Water
    * noun 'with' held                          -> Water;
Verb 'mend' 'repair' 'glue' 'join' 'paste'
    * noun                                      -> Repair
    * noun 'with' noun                          -> Repair;
