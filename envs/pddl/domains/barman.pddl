; A barman with two hands, shot glasses, a shaker and dispensers. The order of parameters is the IPC's.
(define (domain barman)
  (:requirements :strips :typing)

  (:types
    hand level beverage dispenser container - object
    ingredient cocktail - beverage
    shot shaker - container)

  (:predicates
    (ontable ?container - container)
    (holding ?hand - hand ?container - container)
    (handempty ?hand - hand)
    (empty ?container - container)
    (contains ?container - container ?beverage - beverage)
    (clean ?container - container)
    (used ?container - container ?beverage - beverage)
    (dispenses ?dispenser - dispenser ?ingredient - ingredient)
    (shaker-empty-level ?shaker - shaker ?level - level)
    (shaker-level ?shaker - shaker ?level - level)
    (next ?level - level ?next_level - level)
    (unshaked ?shaker - shaker)
    (shaked ?shaker - shaker)
    (cocktail-part1 ?cocktail - cocktail ?ingredient - ingredient)
    (cocktail-part2 ?cocktail - cocktail ?ingredient - ingredient))

  (:action grasp
    :parameters (?hand - hand ?container - container)
    :precondition (and (ontable ?container) (handempty ?hand))
    :effect (and (not (ontable ?container)) (not (handempty ?hand)) (holding ?hand ?container)))

  (:action leave
    :parameters (?hand - hand ?container - container)
    :precondition (holding ?hand ?container)
    :effect (and (not (holding ?hand ?container)) (handempty ?hand) (ontable ?container)))

  (:action fill-shot
    :parameters (?shot - shot ?ingredient - ingredient ?hand - hand ?free_hand - hand
                 ?dispenser - dispenser)
    :precondition (and (holding ?hand ?shot) (handempty ?free_hand) (dispenses ?dispenser ?ingredient)
                       (empty ?shot) (clean ?shot))
    :effect (and (not (empty ?shot)) (not (clean ?shot)) (contains ?shot ?ingredient)
                 (used ?shot ?ingredient)))

  (:action refill-shot
    :parameters (?shot - shot ?ingredient - ingredient ?hand - hand ?free_hand - hand
                 ?dispenser - dispenser)
    :precondition (and (holding ?hand ?shot) (handempty ?free_hand) (dispenses ?dispenser ?ingredient)
                       (empty ?shot) (used ?shot ?ingredient))
    :effect (and (not (empty ?shot)) (contains ?shot ?ingredient)))

  (:action empty-shot
    :parameters (?hand - hand ?shot - shot ?beverage - beverage)
    :precondition (and (holding ?hand ?shot) (contains ?shot ?beverage))
    :effect (and (not (contains ?shot ?beverage)) (empty ?shot)))

  (:action clean-shot
    :parameters (?shot - shot ?beverage - beverage ?hand - hand ?free_hand - hand)
    :precondition (and (holding ?hand ?shot) (handempty ?free_hand) (empty ?shot)
                       (used ?shot ?beverage))
    :effect (and (not (used ?shot ?beverage)) (clean ?shot)))

  (:action pour-shot-to-clean-shaker
    :parameters (?shot - shot ?ingredient - ingredient ?shaker - shaker ?hand - hand
                 ?level - level ?next_level - level)
    :precondition (and (holding ?hand ?shot) (contains ?shot ?ingredient) (empty ?shaker)
                       (clean ?shaker) (shaker-level ?shaker ?level) (next ?level ?next_level))
    :effect (and (not (contains ?shot ?ingredient)) (not (empty ?shaker)) (not (clean ?shaker))
                 (not (shaker-level ?shaker ?level)) (empty ?shot) (contains ?shaker ?ingredient)
                 (unshaked ?shaker) (shaker-level ?shaker ?next_level)))

  (:action pour-shot-to-used-shaker
    :parameters (?shot - shot ?ingredient - ingredient ?shaker - shaker ?hand - hand
                 ?level - level ?next_level - level)
    :precondition (and (holding ?hand ?shot) (contains ?shot ?ingredient) (unshaked ?shaker)
                       (shaker-level ?shaker ?level) (next ?level ?next_level))
    :effect (and (not (contains ?shot ?ingredient)) (not (shaker-level ?shaker ?level)) (empty ?shot)
                 (contains ?shaker ?ingredient) (shaker-level ?shaker ?next_level)))

  (:action empty-shaker
    :parameters (?hand - hand ?shaker - shaker ?cocktail - cocktail ?level - level
                 ?empty_level - level)
    :precondition (and (holding ?hand ?shaker) (contains ?shaker ?cocktail) (shaked ?shaker)
                       (shaker-level ?shaker ?level) (shaker-empty-level ?shaker ?empty_level))
    :effect (and (not (shaked ?shaker)) (not (shaker-level ?shaker ?level))
                 (not (contains ?shaker ?cocktail)) (shaker-level ?shaker ?empty_level)
                 (empty ?shaker)))

  (:action clean-shaker
    :parameters (?hand - hand ?free_hand - hand ?shaker - shaker)
    :precondition (and (holding ?hand ?shaker) (handempty ?free_hand) (empty ?shaker))
    :effect (clean ?shaker))

  (:action shake
    :parameters (?cocktail - cocktail ?ingredient1 - ingredient ?ingredient2 - ingredient
                 ?shaker - shaker ?hand - hand ?free_hand - hand)
    :precondition (and (holding ?hand ?shaker) (handempty ?free_hand) (contains ?shaker ?ingredient1)
                       (contains ?shaker ?ingredient2) (cocktail-part1 ?cocktail ?ingredient1)
                       (cocktail-part2 ?cocktail ?ingredient2) (unshaked ?shaker))
    :effect (and (not (unshaked ?shaker)) (not (contains ?shaker ?ingredient1))
                 (not (contains ?shaker ?ingredient2)) (shaked ?shaker)
                 (contains ?shaker ?cocktail)))

  (:action pour-shaker-to-shot
    :parameters (?beverage - beverage ?shot - shot ?hand - hand ?shaker - shaker
                 ?level - level ?lower_level - level)
    :precondition (and (holding ?hand ?shaker) (shaked ?shaker) (empty ?shot) (clean ?shot)
                       (contains ?shaker ?beverage) (shaker-level ?shaker ?level)
                       (next ?lower_level ?level))
    :effect (and (not (clean ?shot)) (not (empty ?shot)) (not (shaker-level ?shaker ?level))
                 (contains ?shot ?beverage) (shaker-level ?shaker ?lower_level))))
